/** One search, however it was requested: from the parameters to a query, and from its result to the answer. */
import type { Config } from '../config/config.js'
import { defaultDuplicateScore } from '../copies/near-copy-score.js'
import { AlikeError } from '../errors.js'
import {
  type CalibratedThreshold,
  type ScoreCalibration,
  scoreOfProbability,
  thresholdOf,
} from '../eval/score-calibration.js'
import { readFilter } from '../gallery/filter.js'
import type { Serving } from '../gallery/serving.js'
import type { Metrics } from '../metrics/metrics.js'
import { stages } from '../metrics/searches.js'
import type { KeptQueries } from '../originals/kept-queries.js'
import type { Shadow, ShadowedSearch } from '../re-embedding/shadow.js'
import type { RemoteImages } from '../remote/remote-images.js'
import { type Answer, type Example, type Query, type RetrievalParts, retrieve, retrieveNext } from '../retrieval.js'
import type { RequestTrace } from '../tracing/tracing.js'
import type { ModelDrift } from '../watch/model-drift.js'
import type { RecallSample } from '../watch/recall-sample.js'
import type { BodyMemory } from './body-memory.js'
import { filterOf } from './given-filter.js'
import { traceStages } from './plugins/trace-requests.js'
import { regionOf } from './schemas/region.js'
import { answerView, type ViewedAnswer } from './schemas/search.js'
import {
  defaultCandidates,
  defaultGroupSize,
  defaultK,
  groupsMax,
  rerankedMax,
  type SearchGiven,
} from './schemas/search-parameters.js'
import { type Misfit, RequestInvalid } from './validation.js'

/** Observers of queries. */
export interface QueryWatch {
  drift: ModelDrift
  recall: RecallSample
  shadow: Shadow
  queries: Pick<KeptQueries, 'offer' | 'trim'>
}

export interface SearchParts {
  parts: RetrievalParts & { remote: RemoteImages; watch: QueryWatch }
  memory: BodyMemory
  metrics: Metrics
  config: Config
}

export interface AskedSearch {
  /** If tracing is enabled. */
  trace?: RequestTrace | undefined
  gallery: string | readonly string[]
  /** Id or name of the model of the set that is to answer. Left out: the one that serves. */
  set?: string | undefined
  /** Name of the key it came with; empty where none is needed. */
  caller: string
  images: Buffer[]
  given: SearchGiven
  /** Where a parameter was given, for error reports. */
  placeOf(name: string): Misfit['in']
  signal: AbortSignal
  /** Called with the approximate size of the answer as it becomes known; throws if it is too large. */
  onBytes(bytes: number): void
}

/** @throws AlikeError as `retrieve` and `retrieveNext`, and `request_invalid`, `filter_invalid`, `image_missing`, `answer_too_large`, `model_not_calibrated` */
export async function answerSearch(asked: AskedSearch, searching: SearchParts): Promise<ViewedAnswer> {
  const { parts, metrics } = searching
  const { given } = asked
  // a page that follows is of the set that the first one was of
  const serving = given.pageToken === undefined ? await servingOf(asked, parts) : undefined
  const asking = serving && parts.images.modelOf(serving.modelId).manifest.calibration
  const misfit = (pointer: string, detail: string) =>
    new RequestInvalid([{ in: asked.placeOf(pointer.slice(1)), pointer, detail }])
  const threshold = given.pageToken === undefined ? voteThreshold(given, asking, misfit) : undefined
  const answer = await (given.pageToken === undefined
    ? first(asked, searching, { serving, calibration: asking, threshold }, misfit)
    : next(asked, given.pageToken, searching, misfit))
  const { calibration } = parts.images.modelOf(answer.modelId).manifest
  for (const stage of stages) metrics.observeStage(stage, answer.durations[`${stage}Ms`])
  metrics.countSearch(answer.method)
  traceStages(asked.trace, answer.durations, answer.method)
  // of a set that only an operator asks nothing is learnt of what people ask
  if (given.pageToken === undefined && asked.set === undefined) watchAnswer(answer, asked, parts.watch)
  return answerView(answer, {
    include: [given.include ?? []].flat(),
    basePath: searching.config.basePath,
    ...(calibration && { calibration }),
    ...(threshold && { threshold }),
  })
}

function servingOf({ gallery, set }: AskedSearch, { galleries: { searches } }: SearchParts['parts']): Promise<Serving> {
  return set === undefined ? searches.serving(gallery) : searches.ofSet([gallery].flat()[0]!, set)
}

/** Of queries by a picture among all of one gallery: others say little of the model, and raised scores nothing. */
function watchAnswer(
  answer: Answer,
  { gallery, images, given }: AskedSearch,
  { drift, recall, shadow, queries }: QueryWatch,
): void {
  if (typeof gallery !== 'string' || 'boosts' in given) return
  const { modelId, vector, method, hits } = answer
  const best = hits[0]
  const isPlain = images.length > 0 && given.filter === undefined && given.unlike === undefined
  if (isPlain && best?.rank === 1) drift.observe(modelId, best.score)
  if (method === 'hnsw') recall.offer(gallery, { vector, filter: filterOf(given), ef: given.ef })
  const like = shadowedExample(images, given)
  // another model can be asked the same, whole picture for whole picture
  if (like !== undefined && 'bytes' in like && like.region === undefined) void queries.offer(gallery, like.bytes)
  if (like !== undefined && best?.rank === 1)
    shadow.offer(gallery, {
      like,
      filter: filterOf(given),
      excludeIds: [...(given.excludeIds ?? []), ...('id' in like && given.includeSelf !== true ? [like.id] : [])],
      shown: hits.map(({ record }) => record.id),
    })
}

/** A search by one picture whose hits are ordered by score: one that another model can be asked as well. */
function shadowedExample(images: readonly Buffer[], given: SearchGiven): ShadowedSearch['like'] | undefined {
  const { imageId, region, unlike, like, minScore, nearCopies, diversity } = given
  const others = [unlike, like, minScore, nearCopies, diversity].some((one) => one !== undefined)
  if (others || images.length + (imageId === undefined ? 0 : 1) !== 1) return undefined
  if (imageId !== undefined) return { id: imageId }
  return { bytes: images[0]!, ...(region !== undefined && { region: regionOf(region) }) }
}

function first(
  { gallery, caller, images, given, signal, onBytes }: AskedSearch,
  { parts, config }: SearchParts,
  {
    serving,
    calibration,
    threshold,
  }: {
    serving: Serving | undefined
    calibration: ScoreCalibration | undefined
    threshold: CalibratedThreshold | undefined
  },
  misfit: Refuse,
): Promise<Answer> {
  const reach = reachOf(given, config.searchMaxK)
  return retrieve(
    {
      gallery,
      serving,
      signal,
      metadata: includes(given, 'metadata'),
      onBytes,
      ...examplesOf(images, given, misfit),
      ...hitsOf(given, calibration),
      ...pageOf(given, config.searchMaxK, reach, misfit),
      ...boostsOf(given, misfit),
      ...(given.vote !== undefined && { vote: { k: given.vote, ...(threshold && { threshold: threshold.score }) } }),
      ...(given.paged === true && { paged: { caller, reach } }),
    },
    parts,
  )
}

/** Parameters that may accompany a page token; the query is known from the previous page. */
const besideToken: readonly string[] = ['pageToken', 'paged', 'k', 'include']

function next(
  { gallery, caller, images, given, onBytes }: AskedSearch,
  token: string,
  { parts }: SearchParts,
  misfit: Refuse,
): Promise<Answer> {
  const other = images.length > 0 ? 'image' : Object.keys(given).find((name) => !besideToken.includes(name))
  if (other !== undefined) throw misfit(`/${other}`, 'does not go together with pageToken')
  return retrieveNext(
    { gallery, token, caller, k: given.k ?? defaultK, metadata: includes(given, 'metadata'), onBytes },
    parts,
  )
}

function includes({ include = [] }: SearchGiven, name: string): boolean {
  return [include].flat().some((one) => one === name)
}

type Refuse = (pointer: string, detail: string) => RequestInvalid

function examplesOf(
  images: Buffer[],
  given: SearchGiven,
  misfit: Refuse,
): Pick<Query, 'like' | 'unlike' | 'includeSelf'> {
  const { imageId, like = [], unlike = [], includeSelf = false, region } = given
  const vector = 'vector' in given ? given.vector : undefined
  if (region !== undefined && images.length !== 1)
    throw misfit('/region', 'needs one picture: of stored ones only the embedding of the whole is kept')
  const examples: Example[] = [
    ...images.map((bytes) => ({ bytes, ...(region !== undefined && { region: regionOf(region) }) })),
    ...[...(imageId === undefined ? [] : [imageId]), ...[like].flat()].map((id) => ({ id })),
    ...(vector === undefined ? [] : [{ vector: Float32Array.from(vector) }]),
  ]
  if (examples.length === 0) throw new AlikeError('image_missing')
  if (given.nearCopies !== undefined && examples.every((example) => 'vector' in example))
    throw misfit('/nearCopies', 'needs a picture or a stored one: a vector does not tell copies')
  return { like: examples, unlike: [unlike].flat().map((id) => ({ id })), includeSelf }
}

/** Which pictures may be hits, and how they are searched for. */
function hitsOf(
  given: SearchGiven,
  calibration: ScoreCalibration | undefined,
): Pick<Query, 'ef' | 'exact' | 'filter' | 'excludeIds' | 'minScore' | 'duplicateScore' | 'copiesFrom'> {
  const { ef, exact, excludeIds, duplicateScore = defaultDuplicateScore, nearCopies } = given
  const filter = filterOf(given)
  const minScore = lowestScore(given, calibration)
  return {
    ...(ef !== undefined && { ef }),
    ...(exact !== undefined && { exact }),
    ...(filter !== undefined && { filter }),
    ...(excludeIds !== undefined && { excludeIds: [excludeIds].flat() }),
    ...(minScore !== undefined && { minScore }),
    ...(hidesDuplicates(given) && { duplicateScore }),
    ...(nearCopies !== undefined && { copiesFrom: duplicateScore }),
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

/** Ranks by raised scores do not affect similarity between hits, nor votes. */
function boostsOf(given: SearchGiven, misfit: Refuse): Pick<Query, 'boosts'> {
  if (!('boosts' in given) || given.boosts === undefined) return {}
  if (
    given.groupBy !== undefined ||
    given.diversity !== undefined ||
    given.vote !== undefined ||
    hidesDuplicates(given)
  )
    throw misfit('/boosts', 'do not go together with groupBy, diversity, hideDuplicates and vote')
  return { boosts: given.boosts.map(({ filter, weight }) => ({ filter: readFilter(filter), weight })) }
}

/** Maximum number of hits or groups on all pages together: what one request may cost. */
function reachOf(given: SearchGiven, searchMaxK: number): number {
  if (given.groupBy !== undefined) return Math.min(searchMaxK, groupsMax)
  return given.diversity !== undefined || hidesDuplicates(given) ? Math.min(searchMaxK, rerankedMax) : searchMaxK
}

/** Which of the hits are returned. */
function pageOf(
  given: SearchGiven,
  searchMaxK: number,
  reach: number,
  misfit: Refuse,
): Pick<Query, 'k' | 'offset' | 'groupBy' | 'diversity' | 'candidatesMax'> {
  const {
    k = defaultK,
    offset = 0,
    groupBy,
    groupSize = defaultGroupSize,
    diversity,
    candidates = defaultCandidates,
  } = given
  if (groupBy !== undefined && diversity !== undefined) throw misfit('/diversity', 'does not go together with groupBy')
  if (offset + k > reach)
    throw given.offset === undefined
      ? misfit('/k', `must be at most ${reach} here`)
      : misfit('/offset', `and k together must be at most ${reach}`)
  return {
    k,
    offset,
    candidatesMax: searchMaxK,
    ...(groupBy !== undefined && { groupBy: { field: groupBy, size: groupSize } }),
    ...(diversity !== undefined && { diversity: { share: diversity, candidates: Math.min(candidates, searchMaxK) } }),
  }
}

/**
 * Only rates measured on val pictures: there are no thresholds for other rates, nor for a model without calibration.
 */
function voteThreshold(
  { vote, falseMatchRate }: SearchGiven,
  calibration: ScoreCalibration | undefined,
  misfit: Refuse,
): CalibratedThreshold | undefined {
  if (falseMatchRate !== undefined && vote === undefined) throw misfit('/falseMatchRate', 'needs vote')
  if (falseMatchRate !== undefined && calibration === undefined) throw new AlikeError('model_not_calibrated')
  if (vote === undefined || calibration === undefined) return undefined
  const threshold = thresholdOf(calibration, falseMatchRate)
  if (threshold !== undefined || falseMatchRate === undefined) return threshold
  throw misfit(
    '/falseMatchRate',
    `must be one of those calibrated: ${calibration.thresholds.map((one) => one.falseMatchRate).join(', ') || 'there are none'}`,
  )
}
