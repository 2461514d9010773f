/** What a search answers. */
import { Type } from 'typebox'
import { Calibration } from './calibration.js'
import { Metadata } from './metadata.js'
import { named, reference } from './named.js'
import { NearCopyScore } from './near-copy.js'
import { GalleryName, ImageId, Label } from './parameters.js'
import { shownVector, shownVectorOrNull } from './vector-format.js'

export const SearchHit = Type.Object({
  rank: Type.Integer({ description: '1 is best.' }),
  id: ImageId,
  gallery: Type.Optional({ ...GalleryName, description: 'The gallery it is in, if several galleries are searched.' }),
  boost: Type.Optional(
    Type.Number({ description: 'With `boosts`: the amount added to the score for ranking; `score` excludes it.' }),
  ),
  score: Type.Number({
    description:
      'Cosine similarity, −1 to 1; always exact. With `expand`, to the expanded query. Rounded to 1 or −1 within 10⁻⁶, as two embeddings of the same picture can differ by that much.',
  }),
  pSame: Type.Optional(
    Type.Number({
      description:
        'Probability that query and hit share a label, where labels are as frequent as in the data that the model was calibrated on; absent if it is not calibrated, and with `expand`. `calibration` in the answer says what it is based on.',
    }),
  ),
  nearCopyScore: Type.Optional(NearCopyScore),
  label: Type.Union([Label, Type.Null()]),
  modelId: Type.String(),
  metadata: Type.Optional(Metadata),
  unreadable: Type.Optional(
    Type.Enum(['record'], { type: 'string', description: 'The record is damaged on disk: only the id is known.' }),
  ),
  thumbnail: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {
      description:
        'Path on the service; null if none is stored. If the service signs links (`THUMBNAIL_LINK_SECRET`), it loads without a key for some minutes.',
    }),
  ),
  vector: Type.Optional(
    shownVectorOrNull(
      'With `include=hitVectors`: its embedding by the model `modelId`, of unit length, in single precision. null: it is damaged on disk, or has just been replaced or deleted.',
    ),
  ),
})

const Group = Type.Object({
  rank: Type.Integer({ description: '1 is best.' }),
  key: Type.Union([Type.String(), Type.Number(), Type.Boolean()], { description: 'The value that its hits share.' }),
  hits: Type.Array(SearchHit, {
    description: 'Score descending, then id ascending; `rank` is the position within the group.',
  }),
})

const VoteAnswer = Type.Object({
  label: Type.Union([Label, Type.Null()], {
    description: 'The majority label, ties going to the nearest; null if none has a label or nothing matches.',
  }),
  match: Type.Optional(
    Type.Boolean({
      description:
        'False: not even the best hit reaches the threshold, so the query has no known label. Absent if the model has no calibrated threshold, and with `expand`.',
    }),
  ),
  margin: Type.Number({ description: 'Share of the first label minus that of the second: 0 undecided, 1 unanimous.' }),
  voters: Type.Integer({ description: 'Voting hits that have a label.' }),
  labels: Type.Array(
    Type.Object({
      label: Label,
      votes: Type.Integer(),
      share: Type.Number({ description: 'Share of the votes, 0 to 1.' }),
      bestScore: Type.Number({ description: 'Score of its best hit.' }),
    }),
    { description: 'Most votes first, then nearest.' },
  ),
  threshold: Type.Optional(
    Type.Object({
      score: Type.Number({ description: 'Nothing below it matches.' }),
      falseMatchRate: Type.Number({ description: 'Share of different-label pairs that reach it, on val pictures.' }),
      falseMatchesExpected: Type.Number({
        description:
          'The rate times the number of pictures compared: how many would reach it by chance for a query of unknown label. Above about 0.1, `match: true` says little.',
      }),
      matchRate: Type.Number({ description: 'Share of same-label pairs that reach it.' }),
    }),
  ),
})

const Milliseconds = (description: string) => Type.Number({ description: `${description}, milliseconds.` })

export const SearchAnswer = named(
  'SearchAnswer',
  Type.Object(
    {
      gallery: GalleryName,
      modelId: Type.String({ description: 'The model that embedded query and gallery.' }),
      method: Type.Enum(['exact', 'hnsw'], {
        type: 'string',
        description: 'Whether every picture was scanned or the graph was used.',
      }),
      ef: Type.Optional(Type.Integer({ description: 'Candidates that the graph kept.' })),
      vector: Type.Optional(shownVector('With `include`: the query vector, as expanded by `expand`.')),
      hits: Type.Array(SearchHit, {
        description:
          'Score descending, then id ascending; with `diversity` in the order of selection; empty with `groupBy`.',
      }),
      groups: Type.Optional(Type.Array(Group, { description: 'With `groupBy`, ordered by their best hits.' })),
      vote: Type.Optional(VoteAnswer),
      nextPageToken: Type.Optional(
        Type.String({
          description: 'With `paged`: the `pageToken` of the next page of this ranking; absent on the last page.',
        }),
      ),
      calibration: Type.Optional(reference(Calibration)),
      durations: Type.Object({
        decodeMs: Milliseconds('Decoding, orienting, cropping, resizing'),
        queueMs: Milliseconds('Waiting for a decoder and for the model'),
        embedMs: Milliseconds('The model'),
        searchMs: Milliseconds('Index and records'),
        totalMs: Milliseconds('Total, without receiving the picture'),
      }),
    },
    {
      examples: [
        {
          gallery: 'holidays',
          modelId: '5d1c0a7b9e3f4a62',
          method: 'exact',
          hits: [
            {
              rank: 1,
              id: 'cycling/Image_7.jpg',
              score: 0.9312,
              pSame: 0.9714,
              nearCopyScore: 0.8828,
              label: 'cycling',
              modelId: '5d1c0a7b9e3f4a62',
            },
            {
              rank: 2,
              id: 'cycling/Image_40.jpg',
              score: 0.9107,
              pSame: 0.9523,
              nearCopyScore: 0.1719,
              label: 'cycling',
              modelId: '5d1c0a7b9e3f4a62',
            },
          ],
          vote: {
            label: 'cycling',
            match: true,
            margin: 0.8,
            voters: 10,
            labels: [
              { label: 'cycling', votes: 9, share: 0.9, bestScore: 0.9312 },
              { label: 'running', votes: 1, share: 0.1, bestScore: 0.8671 },
            ],
            threshold: { score: 0.8706, falseMatchRate: 0.001, falseMatchesExpected: 0.08, matchRate: 0.0685 },
          },
          nextPageToken: 'AAAAAAABAAAACkm0Q5sP7r1w2ZkXbY8vNcA4',
          calibration: { split: 'val', positivePairs: 52_277, negativePairs: 740_880, reliable: true },
          durations: { decodeMs: 6.1, queueMs: 0.2, embedMs: 4.9, searchMs: 0.6, totalMs: 11.9 },
        },
        {
          gallery: 'holidays',
          modelId: '5d1c0a7b9e3f4a62',
          method: 'exact',
          hits: [],
          groups: [
            {
              rank: 1,
              key: 'cycling',
              hits: [
                {
                  rank: 1,
                  id: 'cycling/Image_7.jpg',
                  score: 0.9312,
                  label: 'cycling',
                  modelId: '5d1c0a7b9e3f4a62',
                  thumbnail: '/v1/galleries/holidays/images/cycling%2FImage_7.jpg/thumbnail',
                },
              ],
            },
            {
              rank: 2,
              key: 'running',
              hits: [
                {
                  rank: 1,
                  id: 'running/Image_2.jpg',
                  score: 0.8671,
                  label: 'running',
                  modelId: '5d1c0a7b9e3f4a62',
                  thumbnail: null,
                },
              ],
            },
          ],
          durations: { decodeMs: 0, queueMs: 0, embedMs: 0, searchMs: 0.8, totalMs: 0.9 },
        },
      ],
    },
  ),
)

/** The same for several galleries. */
export const JoinedSearchAnswer = named(
  'JoinedSearchAnswer',
  Type.Object({
    galleries: Type.Array(GalleryName, { description: 'The galleries searched, by name.' }),
    ...Type.Omit(SearchAnswer, ['gallery']).properties,
  }),
)
