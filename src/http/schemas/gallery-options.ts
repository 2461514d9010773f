/** What callers can choose for a gallery, and the defaults. */
import { Type } from 'typebox'
import { originalsModes } from '../../gallery/gallery-options.js'
import { named } from './named.js'

export const GalleryOptions = named(
  'GalleryOptions',
  Type.Object(
    {
      engines: Type.Array(
        Type.Object({
          name: Type.String(),
          distributed: Type.Boolean({ description: 'Galleries in it accept `shards`, `replicas` and `quantisation`.' }),
        }),
        { description: 'Engines that a gallery can be stored in.' },
      ),
      engine: Type.String({ description: 'Of galleries that name none.' }),
      originals: Type.Enum([...originalsModes], { type: 'string', description: 'Of galleries that do not state it.' }),
      keptQueriesDays: Type.Number({
        description: 'Days for which a kept query picture stays after it was last used.',
      }),
      setKeptDays: Type.Number({
        description: 'Days for which the previous embedding set is kept up to date after a switch or a move.',
      }),
    },
    {
      description: 'What the service offers for galleries, as it is configured.',
      examples: [
        {
          engines: [{ name: 'weaviate', distributed: true }],
          engine: 'weaviate',
          originals: 'keep',
          keptQueriesDays: 30,
          setKeptDays: 7,
        },
      ],
    },
  ),
)
