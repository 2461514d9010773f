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

/** Only of one gallery: searches of several are neither kept nor watched. */
export function watchAnswer(
  answer: Answer,
  { gallery, images, given }: WatchedSearch,
  { drift, recall, shadow, queries }: QueryWatch,
): void {
  if (typeof gallery !== 'string') return
  const like = onlyExample(images, given)
  // only a whole picture can be given to another model as well
  if (like !== undefined && 'bytes' in like && like.region === undefined) void queries.offer(gallery, like.bytes)
  if ('boosts' in given) return // boosted scores say nothing about the model
  const { modelId, vector, method, hits } = answer
  const best = hits[0]
  const { unlike, nearCopies, expand, minScore, minPSame, excludeIds } = given
  // of searches with a threshold only the good ones would be seen
  const isChanged = [unlike, nearCopies, expand, minScore, minPSame, excludeIds].some((one) => one !== undefined)
  const isPlain = images.length > 0 && filterOf(given) === undefined && !isChanged
  if (isPlain && best?.rank === 1) drift.observe(modelId, best.score)
  if (method === 'hnsw') recall.offer(gallery, { vector, filter: filterOf(given), ef: given.ef })
  if (like !== undefined && best?.rank === 1 && !isShaped(given))
    shadow.offer(gallery, {
      like,
      filter: filterOf(given),
      excludeIds: [...(given.excludeIds ?? []), ...('id' in like && given.includeSelf !== true ? [like.id] : [])],
      shown: hits.map(({ record }) => record.id),
    })
}

/** Whether hits are left out, or ordered, by what the other model is not told. */
function isShaped({ expand, minScore, minPSame, nearCopies, hideDuplicates, duplicateScore, diversity }: SearchGiven) {
  return (
    hideDuplicates === true ||
    [expand, minScore, minPSame, nearCopies, duplicateScore, diversity].some((one) => one !== undefined)
  )
}

/** The picture of a search by one, which another model can search with as well. */
function onlyExample(
  images: readonly Buffer[],
  { imageId, region, unlike, like }: SearchGiven,
): ShadowedSearch['like'] | undefined {
  if (like !== undefined || unlike !== undefined) return undefined
  if (images.length + (imageId === undefined ? 0 : 1) !== 1) return undefined
  if (imageId !== undefined) return { id: imageId }
  return { bytes: images[0]!, region: regionOf(region) }
}
