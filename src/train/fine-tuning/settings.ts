/** All settings of fine-tuning from starting weights. */
import { defaultDeal } from '../../datasets/split.js'
import type { Augmentation } from '../loader/loader-protocol.js'
import type { LinkSettings } from '../losses/linked-pairs.js'
import type { PairLossSettings } from '../losses/pair-contrastive.js'
import type { RetrievalHeadSettings } from '../models/retrieval-head.js'
import { defaultRunSettings, type RunSettings, shapingRunSettings } from '../run-settings.js'

/** The weights that a phase trains: the new head, the end of the network (from cached maps), or all. */
export const phaseNames = ['head', 'tail', 'all'] as const
export type PhaseName = (typeof phaseNames)[number]

export interface Phase {
  trains: PhaseName
  epochs: number
  /** Side of the pictures while every layer is trained; smaller than in serving is cheaper. Default: as in serving. */
  side?: number
  /** Peak learning rates of the head and of the pretrained layers; one cycle per phase. */
  rate: { head: number; body: number }
}

export interface LossSettings {
  labelSmoothing: number
  /** Weight and temperature of the supervised contrastive term, added to the cross-entropy. */
  contrastive: { weight: number; temperature: number }
  /** The Siamese loss over all pairs of a batch, and its weight. */
  pairs?: PairLossSettings & { weight: number }
  /**
   * Weight and temperature of the term that attracts views of one picture and repels all others; weight 0 disables it.
   */
  instance?: { weight: number; temperature: number }
  /**
   * With teachers: their share of the class loss, and the weight of the squared cosine differences relative to the
   * posterior term.
   */
  distillation?: { share: number; similarity: number }
  /** For human judgements of single pairs; default `defaultLinks`. */
  linked?: LinkSettings
  /** The classifier learns from the embedding without shaping it: a Siamese network trained on pairs alone. */
  detachedClassifier?: true
}

export interface FineTuneSettings extends RunSettings, LossSettings {
  /** File of starting weights; determines the architecture. */
  init: string
  initSha256?: string | undefined
  /** Required architecture of the weights; default: any. */
  architecture?: string | undefined
  /** Folder of the feature maps: 3 GB per view of 7,500 pictures. Runs with the same weights and views share them. */
  cache: string
  /** Side of the pictures in serving, pixels. Default: that of the starting weights. */
  inputSize?: number | undefined
  phases: Phase[]
  head: RetrievalHeadSettings
  /** Cached views of each picture: the centre crop, then random crops, each also mirrored. */
  views: number
  augmentation: Augmentation & { eraseShare: number }
  /** Share of the pictures that get the edits pictures undergo in the wild, if pictures are read instead of maps. */
  wildShare: number
  /** `pairs`: number of pictures per class for which a batch holds a second view. */
  instance: NonNullable<LossSettings['instance']> & { pairs: number }
  /** Share of a phase's steps used for warm-up. */
  warmupShare: number
  weightDecay: number
  averageDecay: number
  /**
   * Pictures per pass through the trunk while every layer is trained; bounds the memory of a step. `auto`: 6, or the
   * whole batch on a GPU.
   */
  microBatch: number | 'auto'
  /**
   * Epochs between evaluations on val; the last epoch of a phase is always evaluated. On a GPU an evaluation takes a
   * quarter of an epoch's time.
   */
  judgeEvery: number
  /** Processes that decode and augment; `auto` depends on the number of cores. */
  loaders: number | 'auto'
}

/** Cross-entropies are around 1, squared cosine differences around 0.05. */
export const defaultDistillation = { share: 0.8, similarity: 10 }

export const defaultFineTuneSettings: Omit<FineTuneSettings, 'data' | 'init' | 'name'> = {
  ...defaultRunSettings,
  cache: '.train/feature-cache',
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

/** See `shapingRunSettings`. */
export function shapingFineTuneSettings(settings: FineTuneSettings) {
  const { init, initSha256, architecture, cache, microBatch, loaders, judgeEvery, ...shaping } =
    shapingRunSettings(settings)
  return shaping
}

/**
 * A checkpoint resumes only with an equal fingerprint. Phases may be appended to those already run, and what files
 * contain counts instead of their paths: see `dataHash` and `expectSameTeachers`.
 * @param data see `dataHash`
 */
export function fineTuneFingerprint(
  settings: FineTuneSettings,
  weightsSha256: string,
  labels: readonly string[],
  data: string,
): string {
  const { phases, teachers, feedback, ...shaping } = shapingFineTuneSettings(settings)
  return JSON.stringify({ ...shaping, weightsSha256, labels, data })
}
