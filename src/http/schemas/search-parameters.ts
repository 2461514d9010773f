/** What a search is asked: in the address, in the fields of a form, or in JSON. */
import { type Static, Type } from 'typebox'
import { boostsMax } from '../../gallery/boosted-hits.js'
import { fieldPattern } from '../../gallery/field-values.js'
import type { FilterJson } from '../../gallery/filter.js'
import { labelMaxLength } from '../../ingest/names.js'
import { Filter } from './filter.js'
import { Base64Image, BinaryImage, ImageUrl } from './image-body.js'
import { reference } from './named.js'
import { duplicateScoreSchema } from './near-copy.js'
import { ImageId } from './parameters.js'
import { Region, regionText } from './region.js'

export const defaultK = 10
/** Pictures in one query. */
export const imagesMax = 8
export const defaultGroupSize = 3
/** Groups of one answer. */
export const groupsMax = 500
/** Hits of one answer whose places depend on each other. */
export const rerankedMax = 1_000
/** Among how many of the best hits `diversity` chooses. */
export const defaultCandidates = 200
const inclusions = ['metadata', 'thumbnail', 'vector', 'durations'] as const

/** Schemas depend on the configured bound of `k`, so that the reference states the real one. */
export function searchSchemas({ searchMaxK, pageExpirySeconds }: { searchMaxK: number; pageExpirySeconds: number }) {
  const lookedAtMax = Math.min(rerankedMax, searchMaxK)
  const optional = {
    imageId: Type.Optional({ ...ImageId, description: 'Search with this stored picture instead of an uploaded one.' }),
    like: Type.Optional(
      Type.Array(ImageId, {
        maxItems: 100,
        description: 'Stored pictures of the same thing to search with as well.',
      }),
    ),
    unlike: Type.Optional(
      Type.Array(ImageId, { maxItems: 100, description: 'Stored pictures that hits should not resemble.' }),
    ),
    k: Type.Optional(
      Type.Integer({ minimum: 1, maximum: searchMaxK, default: defaultK, description: 'Maximum number of hits.' }),
    ),
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: searchMaxK,
        default: 0,
        description: `Hits to skip; offset + k is at most ${searchMaxK}. Pages of one query repeat and miss no hit as long as the gallery does not change; if it may, use \`paged\`.`,
      }),
    ),
    paged: Type.Optional(
      Type.Boolean({
        default: false,
        description: `Keep the ranking, so that \`nextPageToken\` can fetch its next pages, for ${pageExpirySeconds} seconds after each page.`,
      }),
    ),
    pageToken: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,64}$',
        description:
          'From a previous page: returns the next hits of that ranking, whatever has been stored since; pictures removed in the meantime are left out. The query is already known: only `k` and `include` may accompany it. An expired token is refused with `page_expired`.',
      }),
    ),
    minScore: Type.Optional(
      Type.Number({
        minimum: -1,
        maximum: 1,
        description: 'Minimum score of a hit; 1 keeps only pictures with exactly the embedding of the query.',
      }),
    ),
    minPSame: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'Minimum `pSame` of a hit, inclusive. Refused with `model_not_calibrated` if the model has no probabilities.',
      }),
    ),
    ef: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Candidates that the graph keeps while searching: more give better recall and cost more.',
      }),
    ),
    exact: Type.Optional(
      Type.Boolean({ default: false, description: 'Scan every picture instead of using the graph.' }),
    ),
    vote: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: lookedAtMax,
        description: 'Number of best hits that vote on the label of the query, whatever page is requested.',
      }),
    ),
    falseMatchRate: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          'With `vote`: the best hit is a match if it reaches the score that only this share of different-label pairs reaches. One of the rates that the model was calibrated for; the smallest by default.',
      }),
    ),
    groupBy: Type.Optional(
      Type.String({
        pattern: fieldPattern.source,
        description: `Return \`groups\` of hits that share this value: \`label\`, or a path in the metadata. \`k\` and \`offset\` then count groups, at most ${groupsMax} together. Pictures that lack the field are left out; each element of a list forms a group.`,
        examples: ['label', 'metadata.place.city'],
      }),
    ),
    groupSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: defaultGroupSize,
        description: 'With `groupBy`: maximum number of hits per group.',
      }),
    ),
    hideDuplicates: Type.Optional(
      Type.Boolean({
        default: false,
        description: `Leave out near-copies of better hits; others move up. \`offset\` + \`k\` is then at most ${rerankedMax}, unless grouped.`,
      }),
    ),
    duplicateScore: Type.Optional(duplicateScoreSchema('Without `nearCopies` it implies `hideDuplicates`.')),
    nearCopies: Type.Optional(
      Type.Enum(['only'], {
        type: 'string',
        description:
          'Return only near-copies of the query: all descriptors are compared, so copies are found whatever their score. The query must be a picture, uploaded or stored.',
      }),
    ),
    diversity: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: `Choose diverse hits by maximal marginal relevance: 0 is plain score order, 1 as diverse as possible. Not with \`groupBy\`; \`offset\` + \`k\` is at most ${rerankedMax}.`,
      }),
    ),
    candidates: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: lookedAtMax,
        default: Math.min(defaultCandidates, lookedAtMax),
        description:
          'With `diversity`: number of best hits to choose from; once all are chosen, it continues with as many of the next.',
      }),
    ),
    includeSelf: Type.Optional(
      Type.Boolean({ default: false, description: 'Allow the stored pictures of the query as hits.' }),
    ),
  }
  const labels = Type.Array(Type.String({ maxLength: labelMaxLength }), {
    maxItems: 100,
    description: 'Only pictures with one of these labels; an empty string stands for unlabelled ones.',
  })
  const filterText =
    'Only matching pictures: a condition `{"field": "label"}` or `{"field": "metadata.place.city"}` with `equals`, `in`, `exists`, or bounds `gt`, `gte`, `lt`, `lte`; conditions are combined by `{"and": […]}`, `{"or": […]}`, `{"not": …}`. A list in the metadata matches if one of its elements does.'
  const excludeIds = Type.Array(ImageId, { maxItems: 1_000, description: 'Pictures to exclude from the hits.' })
  const include = Type.Array(Type.Enum([...inclusions], { type: 'string' }), {
    maxItems: 10,
    description:
      'Extras in the answer: metadata of the hits, links to their thumbnails, the query vector. Durations are always included.',
  })

  const Boosts = Type.Array(
    Type.Object(
      {
        filter: Type.Unsafe<FilterJson>(reference(Filter)),
        weight: Type.Number({
          exclusiveMinimum: 0,
          maximum: 2,
          description: 'Added to the score of pictures that match.',
        }),
      },
      { additionalProperties: false },
    ),
    {
      minItems: 1,
      maxItems: boostsMax,
      description:
        'Rank pictures that match a filter as if their score were higher by its weight; weights add up. `score`, `pSame` and `minScore` refer to similarity alone, and each hit states its `boost`. Not with `groupBy`, `diversity`, `hideDuplicates` and `vote`.',
    },
  )

  const Parameters = Type.Object(
    {
      ...optional,
      label: Type.Optional(labels),
      filter: Type.Optional(
        Type.String({
          maxLength: 65_536,
          description: `${filterText} As JSON text.`,
          examples: ['{"field":"metadata.year","gte":2020}'],
        }),
      ),
      excludeIds: Type.Optional(excludeIds),
      include: Type.Optional(include),
      region: Type.Optional(regionText),
    },
    { additionalProperties: false },
  )
  const Body = Type.Object(
    {
      image: Type.Optional(Base64Image),
      url: Type.Optional(ImageUrl),
      images: Type.Optional(
        Type.Array(Base64Image, { maxItems: imagesMax, description: 'Several pictures of the same thing.' }),
      ),
      vector: Type.Optional(
        Type.Array(Type.Number(), {
          minItems: 2,
          maxItems: 4_096,
          description: 'An embedding from this model, of unit length.',
        }),
      ),
      ...optional,
      label: Type.Optional(Type.Union([labels, labels.items])),
      filter: Type.Optional(Type.Unsafe<FilterJson>(reference(Filter))),
      excludeIds: Type.Optional(excludeIds),
      boosts: Type.Optional(Boosts),
      include: Type.Optional(include),
      region: Type.Optional(Region),
    },
    {
      additionalProperties: false,
      examples: [
        {
          imageId: 'cycling/Image_12.jpg',
          k: 5,
          label: ['cycling', 'running'],
          filter: { and: [{ field: 'metadata.year', gte: 2020 }, { not: { field: 'metadata.tags', in: ['draft'] } }] },
        },
        { imageId: 'cycling/Image_12.jpg', k: 5, groupBy: 'label', groupSize: 3, include: ['thumbnail'] },
        { imageId: 'cycling/Image_12.jpg', k: 10, hideDuplicates: true, diversity: 0.3 },
        { imageId: 'cycling/Image_12.jpg', k: 10, nearCopies: 'only' },
        { imageId: 'cycling/Image_12.jpg', k: 10, vote: 10, falseMatchRate: 0.001 },
        { url: 'https://images.example.com/cycling/12.jpg', k: 5 },
      ],
    },
  )
  return { Parameters, Body, Form: Type.Object({ image: BinaryImage, ...Parameters.properties }) }
}

type Schemas = ReturnType<typeof searchSchemas>
/** What a query says, whichever way it came. */
export type SearchGiven = Static<Schemas['Parameters']> | Static<Schemas['Body']>
