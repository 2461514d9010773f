/** Everything that fine-tuning from starting weights can be told. */
import { defaultDeal } from '../../datasets/split.js'
import type { BackendChoice } from '../backend.js'
import type { Augmentation } from '../loader/loader-protocol.js'
import type { LinkSettings } from '../losses/linked-pairs.js'
import type { PairLossSettings } from '../losses/pair-contrastive.js'
import type { RetrievalHeadSettings } from '../models/retrieval-head.js'
import type { ConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import type { BatchShape } from '../samplers/class-balanced.js'

/** Which weights a phase moves: the new head, the end of the network (from cached maps), or every one. */
export const phaseNames = ['head', 'tail', 'all'] as const
export type PhaseName = (typeof phaseNames)[number]

export interface Phase {
  trains: PhaseName
  epochs: number
  /** Side of the pictures where every layer is trained; smaller than serving's is cheaper. Default: serving's. */
  side?: number
  /** Peak learning rates of the head and of what was learned before; one cycle each phase. */
  rate: { head: number; body: number }
}

export interface LossSettings {
  labelSmoothing: number
  /** Weight and temperature of the supervised contrastive term beside the cross-entropy. */
  contrastive: { weight: number; temperature: number }
  /** The Siamese loss over all pairs of a batch, added with its weight. */
  pairs?: PairLossSettings & { weight: number }
  /** Weight and temperature of the term that draws views of one picture together and away from all others; weight 0 is without. */
  instance?: { weight: number; temperature: number }
  /** With teachers: what they weigh against all else that classes say, and the square difference of cosines beside their posterior. */
  distillation?: { share: number; similarity: number }
  /** Of what people said of single pairs; `defaultLinks` when left out. */
  linked?: LinkSettings
  /** The classifier learns from the embedding without shaping it: a Siamese network trained by its pairs alone. */
  detachedClassifier?: true
}

export interface FineTuneSettings extends LossSettings {
  /** Folder of pictures, as for training from nothing. */
  data: string
  labels?: string | undefined
  /** File of judgements of hits: pairs that belong together, and pairs that do not. */
  feedback?: string | undefined
  /** File of starting weights; the architecture follows from it. */
  init: string
  initSha256?: string | undefined
  /** What the weights must be of; whatever they are of when absent. */
  architecture?: string | undefined
  name: string
  out: string
  /** Checkpoints and the log lie in `<work>/<name>/`. */
  work: string
  /** Feature maps lie here: 3 GB for each view of 7,500 pictures. Runs with the same weights and views share them. */
  cache: string
  backend: BackendChoice
  /** Of convolutions while training; `auto` is bfloat16 where the processor is fast with it. Judged and exported in float32. */
  compute: ConvolutionPrecision | 'auto'
  seed: number
  resume: boolean
  /** Writes over what is there of this name. */
  force: boolean
  /** Trains nothing: takes the best weights of the run so far. */
  exportOnly: boolean
  /** Measure the exported network on the test pictures; false for a run that will go on, as they are looked at once. */
  report: boolean
  dataLicence: string | null

  phases: Phase[]
  batch: BatchShape
  head: RetrievalHeadSettings
  /** Cached views of each picture: the middle, then random crops; each also mirrored. */
  views: number
  augmentation: Augmentation & { eraseShare: number }
  /** Share of the pictures that go through what happens to pictures in the wild, where pictures are read instead of maps. */
  wildShare: number
  /** `pairs`: of how many pictures of each class a batch holds a second view. */
  instance: NonNullable<LossSettings['instance']> & { pairs: number }
  /** Share of the batches whose pictures are mixed in twos. */
  mixShare: number
  /** Folders of networks that this one is taught by. */
  teachers: string[]
  /** Share of a phase's steps that warm up. */
  warmupShare: number
  weightDecay: number
  averageDecay: number
  /** Pictures that the trunk takes at once while every layer is trained: bounds the memory of a step. `auto`: 6, and all of them on a GPU. */
  microBatch: number | 'auto'
  /** Epochs from one judgement on val to the next; a phase's last is always judged. On a GPU judging takes as long as a third of an epoch. */
  judgeEvery: number
  /** Processes that decode and augment; `auto` by the number of cores. */
  loaders: number | 'auto'
  shares: { val: number; test: number }
  checkpointEverySeconds: number
}

/** Cross-entropies are around 1, squares of differences between cosines around 0.05. */
export const defaultDistillation = { share: 0.8, similarity: 10 }

export const defaultFineTuneSettings: Omit<FineTuneSettings, 'data' | 'init' | 'name'> = {
  out: 'onnx',
  work: '.train',
  cache: '.train/feature-cache',
  backend: 'auto',
  compute: 'auto',
  seed: defaultDeal.seed,
  resume: false,
  force: false,
  exportOnly: false,
  report: true,
  dataLicence: null,
  phases: [
    { trains: 'tail', epochs: 4, rate: { head: 1e-3, body: 1e-4 } },
    { trains: 'all', epochs: 3, rate: { head: 2e-4, body: 5e-5 } },
  ],
  batch: { classes: 15, samples: 4 },
  head: { pooling: 'average', embeddingDimension: 384, scale: 8, instanceDimension: 128 },
  views: 2,
  augmentation: { minScale: 0.4, colourJitter: 0.2, eraseShare: 0 },
  wildShare: 0.25,
  instance: { weight: 0.3, temperature: 0.1, pairs: 2 },
  mixShare: 0,
  teachers: [],
  distillation: defaultDistillation,
  labelSmoothing: 0.1,
  contrastive: { weight: 0.5, temperature: 0.1 },
  warmupShare: 0.2,
  weightDecay: 1e-2,
  averageDecay: 0.99,
  microBatch: 'auto',
  loaders: 'auto',
  judgeEvery: 1,
  shares: defaultDeal.shares,
  checkpointEverySeconds: 300,
}

/** What shapes a run, without what only says where things lie or how often they are saved. */
export function shapingFineTuneSettings(settings: FineTuneSettings): Record<string, unknown> {
  const {
    resume,
    force,
    exportOnly,
    report,
    dataLicence,
    backend,
    compute,
    data,
    labels,
    init,
    initSha256,
    architecture,
    cache,
    work,
    out,
    checkpointEverySeconds,
    microBatch,
    loaders,
    judgeEvery,
    ...shaping
  } = settings
  return shaping
}

/** A checkpoint goes on only where all of this is the same. Phases may be added behind those that were run. */
export function fineTuneFingerprint(
  settings: FineTuneSettings,
  weightsSha256: string,
  labels: readonly string[],
  images: number,
): string {
  const { phases, ...shaping } = shapingFineTuneSettings(settings)
  return JSON.stringify({ ...shaping, weightsSha256, labels, pictures: images })
}
