/** Parameters of a search over several galleries. */
import { Type } from 'typebox'
import { detailsOfUnknown } from '../validation.js'
import { BinaryImage } from './image-body.js'
import { galleriesPattern } from './patterns.js'
import { searchSchemas } from './search-parameters.js'

/** Maximum galleries per search. */
export const galleriesMax = 64

/** Only for a single gallery, because they refer to stored pictures or compare hits with each other. */
const ofOneGallery = [
  'imageId',
  'like',
  'unlike',
  'excludeIds',
  'includeSelf',
  'hideDuplicates',
  'duplicateScore',
  'nearCopies',
  'diversity',
  'candidates',
] as const

export function joinedSearchSchemas(settings: Parameters<typeof searchSchemas>[0]) {
  const one = searchSchemas(settings)
  const galleries = Type.Array(Type.String({ pattern: galleriesPattern, examples: ['holidays', 'archive-*'] }), {
    minItems: 1,
    maxItems: galleriesMax,
    examples: [['holidays']],
    description: `Names of galleries, or patterns in which \`*\` stands for any characters; together at most ${galleriesMax} galleries. A pattern covers those that the caller may search.`,
  })
  const closed = {
    additionalProperties: false,
    [detailsOfUnknown]: new Map(
      ofOneGallery.map((name) => [name, 'is only for a search of one gallery, POST /v1/galleries/{gallery}/search']),
    ),
  } as const
  const Parameters = Type.Object(
    { galleries: Type.Optional(galleries), ...Type.Omit(one.Parameters, ofOneGallery).properties },
    closed,
  )
  const Body = Type.Object(
    { galleries: Type.Optional(galleries), ...Type.Omit(one.Body, ofOneGallery).properties },
    {
      ...closed,
      examples: [
        {
          galleries: ['holidays', 'archive-*'],
          url: 'https://images.example.com/cycling/12.jpg',
          k: 5,
          boosts: [{ filter: { field: 'metadata.year', gte: 2024 }, weight: 0.05 }],
        },
      ],
    },
  )
  return { Parameters, Body, Form: Type.Object({ image: BinaryImage, ...Parameters.properties }) }
}
