/** What a run of fine-tuning works with, from its beginning to its export. */
import type { ImageLoader } from '../loader/image-loader.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { ConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import type { TrainingData } from '../training-data.js'
import type { StartingWeights } from '../weights/weight-format.js'
import type { FineTuneSettings } from './settings.js'
import type { Teachers } from './teachers.js'

export interface Run {
  settings: FineTuneSettings
  data: TrainingData
  starting: StartingWeights
  loader: ImageLoader
  /** The network that is trained, for squares of any side. */
  network: StagedNetwork
  /** The average of its weights over the run: the one that is judged and exported. */
  averaged: StagedNetwork
  teachers: Teachers | null
  /** Pictures that the trunk takes at once. */
  microBatch: number
  backend: string
  compute: ConvolutionPrecision
  log: (line: string) => void
  stop: AbortSignal
}
