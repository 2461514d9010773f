/** Options of a search that mean the same in the address, in the fields of a form and in JSON, by subject. */
import { Type } from 'typebox'
import { expandMax } from '../../eval/ranking.js'
import { fieldPattern } from '../../gallery/field-values.js'
import { duplicateScoreSchema } from './near-copy.js'
import { ImageId } from './parameters.js'

/** `k` where none is given. */
export const usualK = (searchMaxK: number): number => Math.min(10, searchMaxK)

export const defaultGroupSize = 3
/** Groups of one answer. */
export const groupsMax = 500
/** Hits of one answer whose places depend on each other. */
export const rerankedMax = 1_000
/** Among how many of the best hits `diversity` chooses. */
export const defaultCandidates = 200

/** Settings that the schemas state. */
export interface SearchBounds {
  searchMaxK: number
  pageExpirySeconds: number
}

/** All of them. */
export function searchOptions(bounds: SearchBounds) {
  const lookedAtMax = Math.min(rerankedMax, bounds.searchMaxK)
  return {
    ...storedExamples,
    ...pages(bounds),
    ...thresholds,
    ...scanning,
    ...expansion,
    ...voting(lookedAtMax),
    ...grouping,
    ...nearCopies,
    ...diversity(lookedAtMax),
    ...itself,
  }
}

/** Stored pictures that a query consists of. */
const storedExamples = {
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
}

/** Which part of the ranking is returned. */
function pages({ searchMaxK, pageExpirySeconds }: SearchBounds) {
  return {
    k: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: searchMaxK,
        default: usualK(searchMaxK),
        description: 'Maximum number of hits.',
      }),
    ),
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: searchMaxK,
        default: 0,
        description: `Hits to skip; offset + k is at most ${searchMaxK}. Pages of one query neither repeat nor miss a hit as long as the gallery does not change; if it may, use \`paged\`.`,
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
          'From a previous page: returns the next hits of that ranking, whatever has been stored since; pictures removed in the meantime are left out. The query is already known: only `k`, `include` and `vectorFormat` may accompany it. An expired token is refused with `page_expired`.',
      }),
    ),
  }
}

/** How similar a hit must be. */
const thresholds = {
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
}

/** How thoroughly the index is searched. */
const scanning = {
  ef: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Candidates that the graph keeps while searching: more give better recall and cost more.',
    }),
  ),
  exact: Type.Optional(Type.Boolean({ default: false, description: 'Scan every picture instead of using the graph.' })),
}

/** Whether the best hits become part of the query. */
const expansion = {
  expand: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: expandMax,
      description:
        'Query expansion: search a second time, with the query moved towards this many of its best hits. Finds more pictures of the same kind if most of those hits are right, but is worse at finding one particular picture. `score`, `minScore` and the vote then refer to the expanded query, and there is no `pSame`. Not with `minPSame` or `falseMatchRate`.',
    }),
  ),
}

/** What the best hits say about the query. */
function voting(lookedAtMax: number) {
  return {
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
  }
}

const grouping = {
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
}

/** Whether near-copies are hidden, or the only hits. */
const nearCopies = {
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
}

function diversity(lookedAtMax: number) {
  return {
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
  }
}

const itself = {
  includeSelf: Type.Optional(
    Type.Boolean({ default: false, description: 'Allow the stored pictures of the query as hits.' }),
  ),
}
