/** The query of a search request: its parameters checked against each other, and translated. */
import { defaultDuplicateScore } from '../copies/near-copy-score.js'
import { AlikeError } from '../errors.js'
import {
  type CalibratedThreshold,
  type ScoreCalibration,
  scoreOfProbability,
  thresholdOf,
} from '../eval/score-calibration.js'
import { readFilter } from '../gallery/filter.js'
import type { Example, Query } from '../retrieval.js'
import { filterOf } from './given-filter.js'
import { regionOf } from './schemas/region.js'
import { defaultCandidates, defaultGroupSize, groupsMax, rerankedMax, usualK } from './schemas/search-options.js'
import type { SearchGiven } from './schemas/search-parameters.js'
import type { Invalid } from './validation.js'
import { readVector } from './vector-json.js'

export function includes({ include = [] }: SearchGiven, name: string): boolean {
  return [include].flat().some((one) => one === name)
}

/** What is searched for. @throws RequestInvalid; AlikeError `image_missing` without any of it */
export function examplesOf(
  images: Buffer[],
  given: SearchGiven,
  invalid: Invalid,
): Pick<Query, 'like' | 'unlike' | 'includeSelf'> {
  const { imageId, like = [], unlike = [], includeSelf = false, region } = given
  const vector = 'vector' in given ? given.vector : undefined
  if (region !== undefined && images.length !== 1)
    throw invalid('region', 'needs one picture: of stored ones only the embedding of the whole is kept')
  const examples: Example[] = [
    ...images.map((bytes) => ({ bytes, region: regionOf(region) })),
    ...[imageId ?? [], like].flat().map((id) => ({ id })),
    ...(vector === undefined ? [] : [{ vector: readVector(vector, invalid) }]),
  ]
  if (examples.length === 0) throw new AlikeError('image_missing')
  if (given.nearCopies !== undefined && examples.every((example) => 'vector' in example))
    throw invalid('nearCopies', 'needs a picture or a stored one: a vector does not tell copies')
  return { like: examples, unlike: [unlike].flat().map((id) => ({ id })), includeSelf }
}

/** Probabilities and thresholds were measured on scores to pictures. */
const notExpanded = 'does not go together with expand'

/**
 * Which pictures may be hits, and how to search for them.
 * @throws RequestInvalid; AlikeError `filter_invalid`, `model_not_calibrated`
 */
export function hitsOf(
  given: SearchGiven,
  calibration: ScoreCalibration | undefined,
  invalid: Invalid,
): Pick<Query, 'expand' | 'ef' | 'exact' | 'filter' | 'excludeIds' | 'minScore' | 'duplicateScore' | 'copiesFrom'> {
  const { expand, ef, exact, excludeIds, duplicateScore = defaultDuplicateScore, nearCopies, minPSame } = given
  if (expand !== undefined && minPSame !== undefined) throw invalid('minPSame', notExpanded)
  return {
    expand,
    ef,
    exact,
    filter: filterOf(given),
    excludeIds: excludeIds && [excludeIds].flat(),
    minScore: lowestScore(given, calibration),
    duplicateScore: hidesDuplicates(given) ? duplicateScore : undefined,
    copiesFrom: nearCopies === undefined ? undefined : duplicateScore,
  }
}

function hidesDuplicates({ hideDuplicates, duplicateScore, nearCopies }: SearchGiven): boolean {
  return hideDuplicates ?? (duplicateScore !== undefined && nearCopies === undefined)
}

/** A probability never decreases with the score, so a bound on one is a bound on the other. */
function lowestScore(
  { minScore, minPSame }: SearchGiven,
  calibration: ScoreCalibration | undefined,
): number | undefined {
  if (minPSame === undefined) return minScore
  if (calibration === undefined) throw new AlikeError('model_not_calibrated')
  return Math.max(minScore ?? -1, scoreOfProbability(calibration, minPSame) ?? Infinity)
}

/** Ranking by raised scores affects neither similarity between hits nor votes. @throws as `hitsOf` */
export function boostsOf(given: SearchGiven, invalid: Invalid): Pick<Query, 'boosts'> {
  if (!('boosts' in given) || given.boosts === undefined) return {}
  if (
    given.groupBy !== undefined ||
    given.diversity !== undefined ||
    given.vote !== undefined ||
    hidesDuplicates(given)
  )
    throw invalid('boosts', 'do not go together with groupBy, diversity, hideDuplicates and vote')
  return { boosts: given.boosts.map(({ filter, weight }) => ({ filter: readFilter(filter), weight })) }
}

/** Maximum number of hits or groups on all pages together: what one request may cost. */
export function reachOf(given: SearchGiven, searchMaxK: number): number {
  if (given.groupBy !== undefined) return Math.min(searchMaxK, groupsMax)
  return given.diversity !== undefined || hidesDuplicates(given) ? Math.min(searchMaxK, rerankedMax) : searchMaxK
}

/** Which of the hits are returned. @throws RequestInvalid */
export function pageOf(
  given: SearchGiven,
  searchMaxK: number,
  reach: number,
  invalid: Invalid,
): Pick<Query, 'k' | 'offset' | 'groupBy' | 'diversity' | 'candidatesMax'> {
  const {
    k = usualK(searchMaxK),
    offset = 0,
    groupBy,
    groupSize = defaultGroupSize,
    diversity,
    candidates = defaultCandidates,
  } = given
  if (groupBy !== undefined && diversity !== undefined) throw invalid('diversity', 'does not go together with groupBy')
  if (offset + k > reach)
    throw given.offset === undefined
      ? invalid('k', `must be at most ${reach} here`)
      : invalid('offset', `and k together must be at most ${reach}`)
  return {
    k,
    offset,
    candidatesMax: searchMaxK,
    groupBy: groupBy === undefined ? undefined : { field: groupBy, size: groupSize },
    diversity: diversity === undefined ? undefined : { share: diversity, candidates: Math.min(candidates, searchMaxK) },
  }
}

/**
 * Only rates measured on val pictures: there are no thresholds for other rates, nor for a model without calibration.
 * @throws RequestInvalid; AlikeError `model_not_calibrated`
 */
export function voteThreshold(
  { vote, falseMatchRate, expand }: SearchGiven,
  calibration: ScoreCalibration | undefined,
  invalid: Invalid,
): CalibratedThreshold | undefined {
  if (falseMatchRate !== undefined && vote === undefined) throw invalid('falseMatchRate', 'needs vote')
  if (falseMatchRate !== undefined && expand !== undefined) throw invalid('falseMatchRate', notExpanded)
  if (falseMatchRate !== undefined && calibration === undefined) throw new AlikeError('model_not_calibrated')
  if (vote === undefined || expand !== undefined || calibration === undefined) return undefined
  const threshold = thresholdOf(calibration, falseMatchRate)
  if (threshold !== undefined || falseMatchRate === undefined) return threshold
  throw invalid(
    'falseMatchRate',
    `must be one of those calibrated: ${calibration.thresholds.map((one) => one.falseMatchRate).join(', ') || 'there are none'}`,
  )
}
