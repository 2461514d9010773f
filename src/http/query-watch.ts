/** Observes searches as they are answered: drift, recall, and how another model would have answered. */
import type { KeptQueries } from '../originals/kept-queries.js'
import type { Shadow, ShadowedSearch } from '../re-embedding/shadow.js'
import type { Answer } from '../retrieval.js'
import type { ModelDrift } from '../watch/model-drift.js'
import type { RecallSample } from '../watch/recall-sample.js'
import { filterOf } from './given-filter.js'
import { regionOf } from './schemas/region.js'
import type { SearchGiven } from './schemas/search-parameters.js'

/** Observers of queries. */
export interface QueryWatch {
  drift: ModelDrift
  recall: RecallSample
  shadow: Shadow
  queries: Pick<KeptQueries, 'offer' | 'trim'>
}

export interface WatchedSearch {
  gallery: string | readonly string[]
  images: Buffer[]
  given: SearchGiven
}

/**
 * Only for queries by a picture over the whole of one gallery: others say little about the model, and boosted scores
 * nothing.
 */
export function watchAnswer(
  answer: Answer,
  { gallery, images, given }: WatchedSearch,
  { drift, recall, shadow, queries }: QueryWatch,
): void {
  if (typeof gallery !== 'string' || 'boosts' in given) return
  const { modelId, vector, method, hits } = answer
  const best = hits[0]
  const { unlike, nearCopies, expand } = given
  const isChanged = [unlike, nearCopies, expand].some((one) => one !== undefined)
  const isPlain = images.length > 0 && filterOf(given) === undefined && !isChanged
  if (isPlain && best?.rank === 1) drift.observe(modelId, best.score)
  if (method === 'hnsw') recall.offer(gallery, { vector, filter: filterOf(given), ef: given.ef })
  const like = shadowedExample(images, given)
  // only a whole picture can be given to another model as well
  if (like !== undefined && 'bytes' in like && like.region === undefined) void queries.offer(gallery, like.bytes)
  if (like !== undefined && best?.rank === 1 && !leavesOut(given))
    shadow.offer(gallery, {
      like,
      filter: filterOf(given),
      excludeIds: [...(given.excludeIds ?? []), ...('id' in like && given.includeSelf !== true ? [like.id] : [])],
      shown: hits.map(({ record }) => record.id),
    })
}

/** Whether hits are left out that the other model is not told to leave out. */
function leavesOut({ hideDuplicates, duplicateScore, minPSame }: SearchGiven): boolean {
  return hideDuplicates === true || duplicateScore !== undefined || minPSame !== undefined
}

/** A search by one picture with hits ordered by score, which another model can run as well. */
function shadowedExample(images: readonly Buffer[], given: SearchGiven): ShadowedSearch['like'] | undefined {
  const { imageId, region, unlike, like, minScore, nearCopies, diversity, expand } = given
  const others = [unlike, like, minScore, nearCopies, diversity, expand].some((one) => one !== undefined)
  if (others || images.length + (imageId === undefined ? 0 : 1) !== 1) return undefined
  if (imageId !== undefined) return { id: imageId }
  return { bytes: images[0]!, ...(region !== undefined && { region: regionOf(region) }) }
}
