/** The input of a phase's batches: maps from the cache, or pictures if every layer is trained. */
import type * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../eval/random.js'
import type { Preprocessing } from '../../image/preprocessing.js'
import type { ImageLoader } from '../loader/image-loader.js'
import { eraseSquares, normalised } from '../loader/normalise.js'
import type { TrainingData } from '../training-data.js'
import type { CachedMaps } from './cached-maps.js'
import type { FineTuneBatch } from './plan.js'
import type { FineTuneSettings, PhaseName } from './settings.js'

export interface InputSources {
  maps: CachedMaps | null
  loader: ImageLoader
  data: TrainingData
  settings: FineTuneSettings
  /** With the side used in this phase. */
  preprocessing: Preprocessing
}

/** Yields one tensor per batch, in order; the caller disposes of it. */
export async function* trainingInput(
  trains: PhaseName,
  batches: readonly FineTuneBatch[],
  { maps, loader, data, settings, preprocessing }: InputSources,
): AsyncGenerator<tf.Tensor4D> {
  if (trains !== 'all') {
    if (maps === null) return
    for (const { members } of batches) yield await maps.batch(members)
    return
  }
  const { minScale, colourJitter, eraseShare } = settings.augmentation
  const { inputSize, mean } = preprocessing
  const requests = batches.map(({ members }) => ({
    images: members.map(({ member }) => data.train[member]!),
    preprocessing,
    // as with cached maps, the first view is the serving view
    augmentation: {
      minScale,
      colourJitter,
      seeds: members.map(({ seed }) => seed),
      asServed: members.map(({ view, wild }) => view === 0 && !wild),
      wild: members.map(({ wild }) => wild),
    },
  }))
  let batch = 0
  for await (const pixels of loader.stream(requests)) {
    const random = seededRandom(batches[batch++]!.members[0]!.seed)
    eraseSquares(pixels, { side: inputSize, mean, share: eraseShare, random })
    yield normalised(pixels, inputSize, preprocessing)
  }
}
