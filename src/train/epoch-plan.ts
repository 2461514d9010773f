/** Plans an epoch before it starts, from seeds alone, so that a run can resume in the middle of one. */
import { seededRandom } from '../eval/random.js'
import { viewSeed } from './feature-cache/build-features.js'
import { viewIn } from './feature-cache/taught-views.js'
import { linkedMembers } from './feedback/linked-members.js'
import { type Mix, planMix } from './fine-tuning/mix.js'
import type { BatchRequest } from './loader/loader-protocol.js'
import type { Links } from './losses/linked-pairs.js'
import { classBalancedBatches } from './samplers/class-balanced.js'
import type { TrainSettings } from './settings.js'
import type { TrainingData } from './training-data.js'

export interface PlannedBatch {
  request: BatchRequest
  /** Positions of the pictures in `data.train`. */
  members: number[]
  /** Class index of each picture. */
  classes: number[]
  eraseSeed: number
  /** How the pictures are mixed; null: not at all. */
  mix: Mix | null
  /** Human judgements on pairs of the last pictures in the batch. */
  links?: Links | undefined
}

export interface EpochPlan {
  /** Side of this epoch's pictures in pixels. */
  side: number
  /** Number of the view that it shows of each picture; null: a new one. */
  view: number | null
  batches: PlannedBatch[]
}

export function planEpoch(data: TrainingData, settings: TrainSettings, epoch: number): EpochPlan {
  const { seed, preprocessing, augmentation, batch: shape, mixShare } = settings
  const epochSeed = seed * 1_000_003 + epoch * 1009
  const side = sideOf(settings, epoch)
  const view = viewIn(settings, epoch)
  const batches = classBalancedBatches(data.classOf, shape, seededRandom(epochSeed)).map(
    (balanced, index, { length }): PlannedBatch => {
      const random = seededRandom(epochSeed + 17 * (index + 1))
      const seeds = balanced.map(() => Math.floor(random() * 2 ** 32))
      const mix = random() < mixShare ? planMix(balanced.length, random) : null
      const judged = mix === null ? linkedMembers(data.judged, epoch * length + index, balanced.length) : undefined
      const members = [...balanced, ...(judged?.members ?? [])]
      seeds.push(...members.slice(balanced.length).map((_, row) => epochSeed + row))
      const images = members.map((member) => data.train[member]!)
      return {
        request: {
          images,
          preprocessing: { ...preprocessing, inputSize: side },
          augmentation: {
            minScale: augmentation.minScale,
            colourJitter: augmentation.colourJitter,
            seeds: view === null ? seeds : members.map((member) => viewSeed(view, member)),
          },
        },
        members,
        classes: members.map((member) => data.classOf[member]!),
        eraseSeed: epochSeed + 31 * (index + 1),
        mix,
        links: judged?.links,
      }
    },
  )
  return { side, view: view?.index ?? null, batches }
}

/** Side of an epoch's pictures: the first epochs use small ones. */
export function sideOf({ smallInput, epochs, preprocessing }: TrainSettings, epoch: number): number {
  return epoch < Math.round(smallInput.share * epochs) ? smallInput.side : preprocessing.inputSize
}
