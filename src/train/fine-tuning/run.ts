/** The parts of a fine-tuning run, from start to export. */
import type { ImageLoader } from '../loader/image-loader.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { ConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import type { TimedEpoch } from '../time-left.js'
import type { TrainingData } from '../training-data.js'
import type { StartingWeights } from '../weights/weight-format.js'
import type { FineTuneSettings } from './settings.js'
import type { Teachers } from './teachers.js'

export interface Run {
  settings: FineTuneSettings
  data: TrainingData
  starting: StartingWeights
  loader: ImageLoader
  /** The network being trained; accepts squares of any side. */
  network: StagedNetwork
  /** The moving average of its weights: the network that is evaluated and exported. */
  averaged: StagedNetwork
  teachers: Teachers | null
  /** Pictures per pass through the trunk. */
  microBatch: number
  backend: string
  compute: ConvolutionPrecision
  /** Epochs of this process, from which the remaining time is estimated. */
  timed: TimedEpoch[]
  log: (line: string) => void
  stop: AbortSignal
  /** Id of the network that the export replaces, if any. */
  networkBefore: unknown
}
