/** Everything a training run from nothing can be told, with defaults; `options.ts` names the ones that people change. */
import { defaultDeal } from '../datasets/split.js'
import type { Preprocessing } from '../embedding/model-manifest.js'
import type { BackendChoice } from './backend.js'
import type { BatchShape } from './samplers/class-balanced.js'

export interface TrainSettings {
  architecture: 'simple-cnn'
  /** Folder of pictures, and a CSV of labels unless `labels.csv` lies in it or folders are the labels. */
  data: string
  labels?: string | undefined
  /** File of judgements of hits: pairs that belong together, and pairs that do not. */
  feedback?: string | undefined
  /** Name of the network: of its folder and in its manifest. */
  name: string
  /** The network is written to `<out>/<name>/`. */
  out: string
  /** Checkpoints and the log lie in `<work>/<name>/`. */
  work: string
  backend: BackendChoice
  seed: number
  resume: boolean
  /** Writes over what is there of this name. */
  force: boolean
  /** Trains nothing: exports the best weights so far. */
  exportOnly: boolean
  /** Measure the exported network on the test pictures; false for a run that will go on, as they are looked at once. */
  report: boolean
  /** What the owner of the pictures states; goes into the model card. */
  dataLicence: string | null

  epochs: number
  batch: BatchShape
  preprocessing: Preprocessing
  /** Side of the pictures in the first `share` of the epochs: cheaper, and the network is the same. */
  smallInput: { side: number; share: number }
  /** `eraseShare`: pictures of a batch that lose a random square. */
  augmentation: { minScale: number; colourJitter: number; eraseShare: number }
  /** `normMomentum`: share of batch-norm's old statistics that a step keeps; lower for a run of few steps. */
  network: { widths: number[]; depth: number; embeddingDimension: number; scale: number; normMomentum?: number }

  /** Share of the batches whose pictures are mixed in twos. */
  mixShare: number
  /** Folders of networks that this one is taught by. */
  teachers: string[]
  labelSmoothing: number
  /** Weight and temperature of the supervised contrastive term beside the cross-entropy. */
  contrastive: { weight: number; temperature: number }
  learningRate: { peak: number; warmupEpochs: number }
  weightDecay: number
  /** Share of the averaged weights that a step keeps. */
  averageDecay: number
  /** Shares for validation and test where the data has no split. */
  shares: { val: number; test: number }
  checkpointEverySeconds: number
}

/** What shapes a run, without what only says where things lie or how often they are saved. */
export function shapingSettings(settings: TrainSettings): Record<string, unknown> {
  const {
    resume,
    force,
    exportOnly,
    report,
    dataLicence,
    backend,
    data,
    labels,
    work,
    out,
    checkpointEverySeconds,
    ...shaping
  } = settings
  return shaping
}

/** A checkpoint goes on only where all of this is the same. */
export function fingerprintOf(settings: TrainSettings, labels: readonly string[], images: number): string {
  return JSON.stringify({ ...shapingSettings(settings), labels, pictures: images })
}

export const defaultSettings: Omit<TrainSettings, 'data'> = {
  architecture: 'simple-cnn',
  name: 'simple-cnn',
  out: 'onnx',
  work: '.train',
  backend: 'auto',
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
  network: { widths: [32, 64, 128, 256], depth: 2, embeddingDimension: 128, scale: 8 },
  mixShare: 0,
  teachers: [],
  labelSmoothing: 0.1,
  contrastive: { weight: 0.5, temperature: 0.1 },
  learningRate: { peak: 3e-3, warmupEpochs: 2 },
  weightDecay: 0.05,
  averageDecay: 0.998,
  shares: defaultDeal.shares,
  checkpointEverySeconds: 180,
}
