/** All settings of a training run from scratch, with defaults; `options.ts` names those that users change. */
import { defaultDeal } from '../datasets/split.js'
import type { Preprocessing } from '../embedding/model-manifest.js'
import { defaultRunSettings, type RunSettings, shapingRunSettings } from './run-settings.js'

export interface TrainSettings extends RunSettings {
  architecture: 'simple-cnn'
  epochs: number
  preprocessing: Preprocessing
  /** Side of the pictures in the first `share` of the epochs: cheaper, and the same network. */
  smallInput: { side: number; share: number }
  /** `eraseShare`: share of a batch's pictures that lose a random square. */
  augmentation: { minScale: number; colourJitter: number; eraseShare: number }
  /** `normMomentum`: share of batch-norm's old statistics kept in each step; lower for a run with few steps. */
  network: { widths: number[]; depth: number; embeddingDimension: number; scale: number; normMomentum?: number }

  /** Views of each picture about which the teachers are asked, once; 0: about a new view in each epoch. */
  teacherViews: number
  labelSmoothing: number
  /** Weight and temperature of the supervised contrastive term beside the cross-entropy. */
  contrastive: { weight: number; temperature: number }
  /** See `warmupStepsOf`. */
  learningRate: { peak: number; warmupEpochs: number; minWarmupSteps: number }
  weightDecay: number
  /** Share of the averaged weights kept in each step. */
  averageDecay: number
}

/**
 * A checkpoint resumes only with an equal fingerprint. A run may be given more epochs and other views for its teachers,
 * and what its files contain counts instead of their paths: see `dataHash` and `expectSameTeachers`.
 * @param data see `dataHash`
 */
export function fingerprintOf(settings: TrainSettings, labels: readonly string[], data: string): string {
  const { epochs, teachers, teacherViews, feedback, ...shaping } = shapingRunSettings(settings)
  return JSON.stringify({ ...shaping, labels, data })
}

export const defaultSettings: Omit<TrainSettings, 'data'> = {
  architecture: 'simple-cnn',
  name: 'simple-cnn',
  ...defaultRunSettings,
  epochs: 42,
  batch: { classes: 15, samples: 4 },
  preprocessing: {
    inputSize: 128,
    fit: 'cover',
    resizeShortSide: 128,
    kernel: 'linear',
    mean: [123.675, 116.28, 103.53],
    std: [58.395, 57.12, 57.375],
  },
  smallInput: { side: 96, share: 0.8 },
  augmentation: { minScale: 0.35, colourJitter: 0.3, eraseShare: 0.4 },
  network: { widths: [48, 96, 192, 384], depth: 2, embeddingDimension: 128, scale: 8 },
  mixShare: 0,
  teachers: [],
  teacherViews: 0,
  labelSmoothing: 0.1,
  contrastive: { weight: 0.5, temperature: 0.1 },
  learningRate: { peak: 3e-3, warmupEpochs: 2, minWarmupSteps: 200 },
  weightDecay: 0.05,
  averageDecay: 0.998,
  shares: defaultDeal.shares,
  checkpointEverySeconds: 180,
}
