/** All settings of a training run from scratch, with defaults; `options.ts` names those that users change. */
import { defaultDeal } from '../datasets/split.js'
import type { Preprocessing } from '../embedding/model-manifest.js'
import type { BackendChoice } from './backend.js'
import type { ConvolutionPrecision } from './native/bfloat16-convolutions.js'
import type { BatchShape } from './samplers/class-balanced.js'

export interface TrainSettings {
  architecture: 'simple-cnn'
  /** Folder of pictures, with a CSV of labels unless `labels.csv` lies in it or its subfolders are the labels. */
  data: string
  labels?: string | undefined
  /** File of hit judgements: pairs that belong together, and pairs that do not. */
  feedback?: string | undefined
  /** Name of the network, of its folder and in its manifest. */
  name: string
  /** The network is written to `<out>/<name>/`. */
  out: string
  /** Checkpoints and the log are written to `<work>/<name>/`. */
  work: string
  backend: BackendChoice
  /**
   * Precision of convolutions in training; `auto` is bfloat16 if the processor is fast with it. Evaluation and export use
   * float32.
   */
  compute: ConvolutionPrecision | 'auto'
  seed: number
  resume: boolean
  /** Overwrites an existing network or run of this name. */
  force: boolean
  /** Exports the best weights so far, without training. */
  exportOnly: boolean
  /**
   * Measure the exported network on the test pictures. False for a run that will continue, because the test pictures
   * should be evaluated only once.
   */
  report: boolean
  /** As stated by the owner of the pictures; goes into the model card. */
  dataLicence: string | null

  epochs: number
  batch: BatchShape
  preprocessing: Preprocessing
  /** Side of the pictures in the first `share` of the epochs: cheaper, and the same network. */
  smallInput: { side: number; share: number }
  /** `eraseShare`: share of a batch's pictures that lose a random square. */
  augmentation: { minScale: number; colourJitter: number; eraseShare: number }
  /** `normMomentum`: share of batch-norm's old statistics kept in each step; lower for a run with few steps. */
  network: { widths: number[]; depth: number; embeddingDimension: number; scale: number; normMomentum?: number }

  /** Share of the batches whose pictures are mixed in pairs. */
  mixShare: number
  /** Folders of the teacher networks. */
  teachers: string[]
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
  /** Shares for validation and test if the data has no split. */
  shares: { val: number; test: number }
  checkpointEverySeconds: number
}

/** The settings that shape a run, without file locations and the checkpoint interval. */
export function shapingSettings(settings: TrainSettings): Record<string, unknown> {
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
    work,
    out,
    checkpointEverySeconds,
    ...shaping
  } = settings
  return shaping
}

/**
 * A checkpoint resumes only with an equal fingerprint. A run may be given more epochs and other views for its teachers,
 * and what its files contain counts instead of their paths: see `dataHash` and `expectSameTeachers`.
 * @param data see `dataHash`
 */
export function fingerprintOf(settings: TrainSettings, labels: readonly string[], data: string): string {
  const { epochs, teachers, teacherViews, feedback, ...shaping } = shapingSettings(settings)
  return JSON.stringify({ ...shaping, labels, data })
}

export const defaultSettings: Omit<TrainSettings, 'data'> = {
  architecture: 'simple-cnn',
  name: 'simple-cnn',
  out: 'onnx',
  work: '.train',
  backend: 'auto',
  compute: 'auto',
  seed: defaultDeal.seed,
  resume: false,
  force: false,
  exportOnly: false,
  report: true,
  dataLicence: null,
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
