/** People's judgements of hits: right or wrong. */
import { type Static, Type } from 'typebox'
import {
  type FeedbackQuery,
  type Judgement,
  type JudgementFilter,
  type StoredJudgement,
  submittedVerdicts,
  verdicts,
} from '../../gallery/feedback.js'
import { invalidIn, RequestInvalid } from '../validation.js'
import { named } from './named.js'
import { GalleryName, ImageId, Label, UnfilledImageId } from './parameters.js'

/** Limit per call. */
const judgedAtOnceMax = 1_000

const contentHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the picture’s bytes, hex.' })

const Key = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Your own name for the query; opaque to the service.',
})

const Query = Type.Object(
  {
    id: Type.Optional({ ...ImageId, description: 'The query was this stored picture of the gallery.' }),
    contentHash: Type.Optional(contentHash),
    key: Type.Optional(Key),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    description:
      'The query, by exactly one of these. A query that is not a stored picture can be used for training only by its `contentHash`.',
  },
)

const Shown = {
  rank: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: 'Its rank in the judged answer.' }),
  ),
  score: Type.Optional(Type.Number({ minimum: -1, maximum: 1, description: 'Its score in the judged answer.' })),
}

const By = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Who judged.',
})
const At = Type.String({ format: 'date-time', description: 'Time, ISO 8601 with a time zone.' })
const Verdict = Type.Enum([...verdicts], { type: 'string' })
const SubmittedVerdict = Type.Enum([...submittedVerdicts], {
  type: 'string',
  description: '`none` withdraws the judgement of this query and hit by the same person.',
})

export const FeedbackBody = Type.Object(
  {
    query: Query,
    hits: Type.Array(
      Type.Object({ id: ImageId, verdict: SubmittedVerdict, ...Shown }, { additionalProperties: false }),
      {
        minItems: 1,
        maxItems: judgedAtOnceMax,
        description: 'Stored pictures judged as hits of this query.',
      },
    ),
    by: Type.Optional({
      ...By,
      description: 'Who judged. Default: the name of the API key, or `anonymous` without keys.',
    }),
    at: Type.Optional({ ...At, description: 'Time, ISO 8601 with a time zone. Default: now.' }),
    modelId: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{16}$',
        description: 'The model whose answer was judged. Default: the gallery’s.',
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
      recorded: Type.Integer({ description: 'New judgements.' }),
      changed: Type.Integer({
        description: 'Judgements that replaced one by the same person for the same query and hit.',
      }),
      withdrawn: Type.Integer({ description: 'Judgements that were deleted by the verdict `none`.' }),
      unchanged: Type.Integer({
        description: 'Judgements that were already stored, and verdicts `none` for which no judgement was stored.',
      }),
      stored: Type.Integer({ description: 'Total number of judgements in this gallery.' }),
    },
    { examples: [{ gallery: 'holidays', recorded: 2, changed: 0, withdrawn: 0, unchanged: 0, stored: 418 }] },
  ),
)

export const FeedbackLine = Type.Object(
  {
    cursor: Type.String({ description: 'Value for `cursor` to continue after this line.' }),
    query: Query,
    queryHash: Type.Optional({ ...contentHash, description: 'SHA-256 of the query’s bytes, if known.' }),
    queryLabel: Type.Optional(Type.Union([Label, Type.Null()], { description: 'Current label of a stored query.' })),
    hit: ImageId,
    hitHash: { ...contentHash, description: 'SHA-256 of the hit’s bytes.' },
    hitLabel: Type.Union([Label, Type.Null()], { description: 'Current label of the hit.' }),
    verdict: Verdict,
    ...Shown,
    by: By,
    at: At,
    modelId: Type.String(),
  },
  { description: 'One judgement.' },
)

/** The query, by one of these at most. */
const QueryParameters = {
  queryId: Type.Optional({ ...UnfilledImageId, description: 'Only judgements of hits of this stored picture.' }),
  queryContentHash: Type.Optional({
    ...contentHash,
    description: 'Only judgements of hits of the query with this `contentHash`.',
  }),
  queryKey: Type.Optional({ ...Key, description: 'Only judgements of hits of the query with this `key`.' }),
}

export const FeedbackListParameters = Type.Object(
  {
    ...QueryParameters,
    by: Type.Optional({ ...By, description: 'Only judgements by this person.' }),
    cursor: Type.Optional(
      Type.String({ maxLength: 64, description: '`cursor` of the last line read of this gallery.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, default: 100_000, description: 'Maximum number of lines.' }),
    ),
  },
  { additionalProperties: false },
)

/** @throws RequestInvalid for several queries */
export function judgementFilter({
  queryId,
  queryContentHash,
  queryKey,
  by,
}: Static<typeof FeedbackListParameters>): JudgementFilter {
  const queries: FeedbackQuery[] = []
  if (queryId !== undefined) queries.push({ id: queryId })
  if (queryContentHash !== undefined) queries.push({ contentHash: queryContentHash })
  if (queryKey !== undefined) queries.push({ key: queryKey })
  if (queries.length > 1) throw new RequestInvalid([{ in: 'query', pointer: '', detail: 'names more than one query' }])
  return { query: queries[0], by }
}

/** The judgements, hit by hit. */
export function judgementsOf(
  { query, hits, by, at, modelId }: FeedbackGiven,
  defaults: Pick<Judgement, 'by' | 'at' | 'modelId'>,
): Judgement[] {
  return hits.map(({ id, verdict, rank, score }) => ({
    query: query as FeedbackQuery,
    hit: id,
    verdict,
    by: by ?? defaults.by,
    at: at === undefined ? defaults.at : instantOf(at),
    modelId: modelId ?? defaults.modelId,
    rank,
    score,
  }))
}

/** @throws AlikeError `request_invalid` for a text that looks like a time but is not one */
function instantOf(text: string): string {
  const instant = new Date(text)
  if (!Number.isNaN(instant.getTime())) return instant.toISOString()
  throw invalidIn('body')('at', 'is no time')
}

export function feedbackLine({ number: _, ...judgement }: StoredJudgement, cursor: string) {
  return { cursor, ...judgement }
}
