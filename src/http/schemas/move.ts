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
      description: 'Engine to move the gallery to: `embedded` or `weaviate`.',
    }),
    shards,
    replicas,
    quantisation,
    ratePerSecond: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1_000_000,
        description: 'Maximum number of pictures copied per second; 0 or absent: as many as capacity allows.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ engine: 'weaviate', shards: 3, replicas: 3 }] },
)
