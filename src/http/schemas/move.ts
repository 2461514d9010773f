/** A gallery's move to another engine as callers see it. */
import { Type } from 'typebox'
import { GallerySettings } from './gallery.js'
import { JobWishes } from './job.js'

const { shards, replicas, quantisation } = GallerySettings.properties

export const MoveBody = Type.Object(
  {
    ...JobWishes,
    engine: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'What the gallery is to live in: `embedded` or `weaviate`.',
    }),
    shards,
    replicas,
    quantisation,
    ratePerSecond: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1_000_000,
        description: 'Pictures copied in a second; 0, or left out: as many as there is room for.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ engine: 'weaviate', shards: 3, replicas: 3 }] },
)
