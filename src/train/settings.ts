/** Everything a training run can be told, with defaults; the command line names the ones that people change. */
import { parseArgs } from 'node:util'
import { defaultDeal } from '../datasets/split.js'
import type { Preprocessing } from '../embedding/model-manifest.js'
import { type BackendChoice, backendChoices } from './backend.js'
import type { BatchShape } from './samplers/class-balanced.js'

export interface TrainSettings {
  architecture: 'simple-cnn'
  /** Folder of pictures, and a CSV of labels unless `labels.csv` lies in it or folders are the labels. */
  data: string
  labels?: string
  /** Name of the network: of its folder and in its manifest. */
  name: string
  /** The network is written to `<out>/<name>/`. */
  out: string
  /** Checkpoints and the log lie in `<work>/<name>/`. */
  work: string
  backend: BackendChoice
  seed: number
  resume: boolean
  /** Trains nothing: exports the best weights so far, without touching the test pictures. */
  exportOnly: boolean
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
  const { resume, exportOnly, dataLicence, backend, data, labels, work, out, checkpointEverySeconds, ...shaping } =
    settings
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
  exportOnly: false,
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
  labelSmoothing: 0.1,
  contrastive: { weight: 0.5, temperature: 0.1 },
  learningRate: { peak: 3e-3, warmupEpochs: 2 },
  weightDecay: 0.05,
  averageDecay: 0.998,
  shares: defaultDeal.shares,
  checkpointEverySeconds: 180,
}

export const usage = `npm run train -- --data FOLDER [options]
  --arch simple-cnn     architecture
  --data FOLDER         label/picture, split/label/picture, or pictures or tar files beside a CSV
  --labels CSV          filename,label[,split][,duplicate_group]; default FOLDER/labels.csv if it exists
  --name NAME           name of the network (default: the architecture's)
  --out FOLDER          writes FOLDER/NAME (default onnx)
  --epochs N  --seed N  --samples N (per class and batch)  --rate X (peak learning rate)
  --fit squash|cover    how a picture becomes the square that the network sees
  --backend ${backendChoices.join('|')}
  --resume              go on from the last checkpoint of this name
  --export-only         train nothing, export the best weights of that run so far
  --licence TEXT        licence of the pictures, for the model card`

/** @throws Error with the usage when an option is unknown or missing. */
export function settingsOf(args: readonly string[]): TrainSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: 'string' },
      data: { type: 'string' },
      labels: { type: 'string' },
      name: { type: 'string' },
      out: { type: 'string' },
      epochs: { type: 'string' },
      seed: { type: 'string' },
      samples: { type: 'string' },
      rate: { type: 'string' },
      fit: { type: 'string' },
      backend: { type: 'string' },
      resume: { type: 'boolean' },
      'export-only': { type: 'boolean' },
      licence: { type: 'string' },
    },
  })
  const defaults = defaultSettings
  const architecture = oneOf('arch', values.arch ?? defaults.architecture, ['simple-cnn'])
  return {
    ...defaults,
    architecture,
    data: values.data ?? fail('--data is missing'),
    ...(values.labels !== undefined && { labels: values.labels }),
    name: values.name ?? architecture,
    out: values.out ?? defaults.out,
    backend: oneOf('backend', values.backend ?? 'auto', backendChoices),
    seed: positive('seed', values.seed) ?? defaults.seed,
    resume: values.resume ?? false,
    exportOnly: values['export-only'] ?? false,
    dataLicence: values.licence ?? null,
    epochs: positive('epochs', values.epochs) ?? defaults.epochs,
    batch: { ...defaults.batch, samples: positive('samples', values.samples) ?? defaults.batch.samples },
    learningRate: {
      ...defaults.learningRate,
      peak: positive('rate', values.rate, false) ?? defaults.learningRate.peak,
    },
    preprocessing: {
      ...defaults.preprocessing,
      fit: oneOf('fit', values.fit ?? defaults.preprocessing.fit, ['squash', 'cover']),
    },
  }
}

function oneOf<T extends string>(option: string, value: string, choices: readonly T[]): T {
  return choices.find((choice) => choice === value) ?? fail(`--${option} is one of ${choices.join(', ')}`)
}

function positive(option: string, value: string | undefined, whole = true): number | undefined {
  if (value === undefined) return undefined
  const number = Number(value)
  return number > 0 && (!whole || Number.isInteger(number))
    ? number
    : fail(`--${option} is a positive ${whole ? 'whole ' : ''}number`)
}

function fail(reason: string): never {
  throw new Error(`${reason}\n\n${usage}`)
}
