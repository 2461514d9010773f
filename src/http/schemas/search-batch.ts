/** Several searches in one body, each answered or refused by itself. */
import { type TObject, Type } from 'typebox'
import { named, reference } from './named.js'
import { Problem } from './problem.js'
import { SearchAnswer } from './search.js'

/** Maximum queries in one body. */
const queriesMax = 64

export function searchBatchBody(query: TObject) {
  return Type.Object(
    {
      queries: Type.Array(query, {
        minItems: 1,
        maxItems: queriesMax,
        description: 'Each like the JSON body of a search.',
      }),
    },
    {
      additionalProperties: false,
      examples: [
        {
          queries: [
            { imageId: 'cycling/Image_12.jpg', k: 5 },
            { like: ['running/Image_2.jpg', 'running/Image_9.jpg'], k: 5 },
          ],
        },
      ],
    },
  )
}

/** What is validated of the body before its queries, which are validated one by one. */
export const SearchBatchEnvelope = searchBatchBody(Type.Object({}))

export const SearchBatchAnswer = named(
  'SearchBatchAnswer',
  Type.Object(
    {
      answers: Type.Array(
        Type.Object({ answer: Type.Optional(reference(SearchAnswer)), problem: Type.Optional(reference(Problem)) }),
        { description: 'In the order of the queries; each is an answer or its own problem.' },
      ),
    },
    {
      examples: [
        {
          answers: [
            {
              answer: {
                gallery: 'holidays',
                modelId: '5d1c0a7b9e3f4a62',
                method: 'exact',
                hits: [],
                durations: { decodeMs: 0, queueMs: 0, embedMs: 0, searchMs: 0.4, totalMs: 0.5 },
              },
            },
            {
              problem: {
                type: 'urn:alike:problem:image_not_found',
                title: 'There is no such picture in this gallery.',
                status: 404,
                code: 'image_not_found',
                requestId: '6f1c6c9e-3a52-4c3e-8f5e-0d3c1e9a7b11',
              },
            },
          ],
        },
      ],
    },
  ),
)
