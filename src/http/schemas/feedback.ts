/** What people say of hits: right or wrong. */
import { type Static, Type } from 'typebox'
import { type FeedbackQuery, type Judgement, type StoredJudgement, verdicts } from '../../gallery/feedback.js'
import { RequestInvalid } from '../validation.js'
import { named } from './named.js'
import { GalleryName, ImageId, Label } from './parameters.js'

/** Of one call. */
export const judgedAtOnceMax = 1_000

const contentHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the picture’s bytes, hex.' })

const Query = Type.Object(
  {
    id: Type.Optional({ ...ImageId, description: 'A stored picture of this gallery was the query.' }),
    contentHash: Type.Optional(contentHash),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[^\\u0000-\\u001f\\u007f]+$',
        description: 'Your own name of the query; opaque here.',
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description:
      'What was searched with: exactly one of these. A query that is no stored picture can be used in training only by its `contentHash`.',
  },
)

const Shown = {
  rank: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: 'Its place in the answer that was judged.' }),
  ),
  score: Type.Optional(Type.Number({ minimum: -1, maximum: 1, description: 'Its score in that answer.' })),
}

const By = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Who judged.',
})
const At = Type.String({ format: 'date-time', description: 'When, ISO 8601 with a time zone.' })
const Verdict = Type.Enum([...verdicts], { type: 'string' })

export const FeedbackBody = Type.Object(
  {
    query: Query,
    hits: Type.Array(Type.Object({ id: ImageId, verdict: Verdict, ...Shown }, { additionalProperties: false }), {
      minItems: 1,
      maxItems: judgedAtOnceMax,
      description: 'Stored pictures that were judged as hits of this query.',
    }),
    by: Type.Optional({
      ...By,
      description: 'Who judged; the name of the API key when left out, or `anonymous` without keys.',
    }),
    at: Type.Optional({ ...At, description: 'When, ISO 8601 with a time zone; now when left out.' }),
    modelId: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{16}$',
        description: 'The model whose answer was judged; the gallery’s when left out.',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        query: { id: 'cycling/Image_12.jpg' },
        hits: [
          { id: 'cycling/Image_7.jpg', verdict: 'right', rank: 1, score: 0.9312 },
          { id: 'running/Image_2.jpg', verdict: 'wrong', rank: 2, score: 0.8671 },
        ],
        by: 'ann',
      },
    ],
  },
)
export type FeedbackGiven = Static<typeof FeedbackBody>

export const FeedbackAnswer = named(
  'FeedbackAnswer',
  Type.Object(
    {
      gallery: GalleryName,
      recorded: Type.Integer({ description: 'Judgements that are new.' }),
      changed: Type.Integer({ description: 'That replaced what the same person had said of the same query and hit.' }),
      unchanged: Type.Integer({ description: 'That were there already.' }),
      stored: Type.Integer({ description: 'Judgements of this gallery altogether.' }),
    },
    { examples: [{ gallery: 'holidays', recorded: 2, changed: 0, unchanged: 0, stored: 418 }] },
  ),
)

export const FeedbackLine = Type.Object(
  {
    cursor: Type.String({ description: 'Go on behind this line with `cursor`.' }),
    query: Query,
    queryHash: Type.Optional({ ...contentHash, description: 'SHA-256 of the query’s bytes where it is known.' }),
    queryLabel: Type.Optional(Type.Union([Label, Type.Null()], { description: 'Of a stored query, as it is now.' })),
    hit: ImageId,
    hitHash: { ...contentHash, description: 'SHA-256 of the hit’s bytes.' },
    hitLabel: Type.Union([Label, Type.Null()], { description: 'As it is now.' }),
    verdict: Verdict,
    ...Shown,
    by: By,
    at: At,
    modelId: Type.String(),
  },
  { description: 'One judgement.' },
)

export const FeedbackListParameters = Type.Object(
  {
    cursor: Type.Optional(Type.String({ maxLength: 64, description: '`cursor` of the last line that was read.' })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, default: 100_000, description: 'Most lines.' }),
    ),
  },
  { additionalProperties: false },
)

/** What was said, hit by hit. */
export function judgementsOf(
  { query, hits, by, at, modelId }: FeedbackGiven,
  unsaid: Pick<Judgement, 'by' | 'at' | 'modelId'>,
): Judgement[] {
  return hits.map(({ id, verdict, rank, score }) => ({
    query: query as FeedbackQuery,
    hit: id,
    verdict,
    by: by ?? unsaid.by,
    at: at === undefined ? unsaid.at : instantOf(at),
    modelId: modelId ?? unsaid.modelId,
    rank,
    score,
  }))
}

/** @throws AlikeError `request_invalid` for what has the form of a time and is none */
function instantOf(text: string): string {
  const instant = new Date(text)
  if (!Number.isNaN(instant.getTime())) return instant.toISOString()
  throw new RequestInvalid([{ in: 'body', pointer: '/at', detail: 'is no time' }])
}

export function feedbackLine({ number, ...judgement }: StoredJudgement) {
  return { cursor: String(number), ...judgement }
}
