/** The settings that every run has, whether it starts from scratch or from weights. */
import { defaultDeal, type SplitShares } from '../datasets/split.js'
import type { BackendChoice } from './backend.js'
import type { ConvolutionPrecision } from './native/bfloat16-convolutions.js'
import type { BatchShape } from './samplers/class-balanced.js'

export interface RunSettings {
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
  batch: BatchShape
  /** Share of the batches whose pictures are mixed in pairs. */
  mixShare: number
  /** Folders of the teacher networks. */
  teachers: string[]
  /** Shares for validation and test if the data has no split. */
  shares: SplitShares
  checkpointEverySeconds: number
}

/** Of those whose defaults are the same for both kinds of run. */
export const defaultRunSettings = {
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
} satisfies Partial<RunSettings>

/** The settings that shape what a run comes to, without file locations and what computes it. */
export function shapingRunSettings<Settings extends RunSettings>(settings: Settings) {
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
