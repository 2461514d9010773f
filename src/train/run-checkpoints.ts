/** Where a run without starting weights stands, in memory and on disk. */
import { performance } from 'node:perf_hooks'
import type * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../errors.js'
import { afterEpoch, type EpochRecord, type RunState } from './checkpoint.js'
import { expectSameTeachers, type Teachers } from './fine-tuning/teachers.js'
import type { AdamW } from './optimizer/adamw.js'
import { exportedLine, resumedLine } from './progress.js'
import { RunFiles } from './run-files.js'
import { fingerprintOf, type TrainSettings } from './settings.js'
import { dataHash, type TrainingData } from './training-data.js'

export interface RunCheckpointsOptions {
  settings: TrainSettings
  data: TrainingData
  /** That computes; a checkpoint keeps the one that the run was started with. */
  backend: string
  /** Of the network being trained. */
  weights: readonly tf.Variable[]
  /** Of the network that is evaluated and exported. */
  average: readonly tf.Variable[]
  optimizer: AdamW
  teachers: Teachers | null
  log: (line: string) => void
}

const notStarted = { epoch: 0, batch: 0, optimizerStep: 0, best: null, history: [], secondsSpent: 0 }

export class RunCheckpoints {
  state: RunState
  readonly #files: RunFiles
  readonly #groups: Record<'weights' | 'average' | 'moments', readonly tf.Variable[]>
  #savedAt = performance.now()

  private constructor(files: RunFiles, { weights, average, optimizer }: RunCheckpointsOptions, state: RunState) {
    this.#files = files
    this.#groups = { weights, average, moments: optimizer.moments }
    this.state = state
  }

  /**
   * Loads the last checkpoint if the run is resumed, the best epoch if it is only exported; a run that starts anew removes
   * both.
   * @throws AlikeError `run_differs`, also for a run with more epochs or other teachers; `run_unreadable`;
   * `run_not_found` if there is none to export
   */
  static async open(options: RunCheckpointsOptions): Promise<RunCheckpoints> {
    const { settings, data, backend, log } = options
    const teachers = options.teachers?.ids ?? []
    const files = await RunFiles.open(settings, fingerprintOf(settings, data.labels, dataHash(data)), log)
    const opened = new RunCheckpoints(files, options, { ...notStarted, epochs: settings.epochs, teachers, backend })
    if (settings.exportOnly) {
      opened.state = await files.loadFinished(options.average)
      log(exportedLine(opened.state))
    } else if (files.isContinued) {
      opened.state = continued(await files.load(opened.#groups), settings.epochs, teachers)
      log(resumedLine(opened.state, settings.epochs))
    }
    opened.#savedAt = performance.now()
    return opened
  }

  get secondsSinceSave(): number {
    return (performance.now() - this.#savedAt) / 1000
  }

  /** The averaged weights must have been written to their variables. @throws AlikeError `run_exists`, see `RunFiles` */
  async save(): Promise<void> {
    await this.#files.save(this.#groups, this.state)
    this.#savedAt = performance.now()
  }

  /** Moves on to the next epoch; the averaged weights of the best one are the result of the run. */
  async endEpoch(record: EpochRecord): Promise<void> {
    this.state = afterEpoch(this.state, record)
    const isBest = this.state.best?.epoch === record.epoch
    if (isBest) await this.#files.saveBest(this.#groups.average, this.state)
    await this.save()
  }

  /** Gives the averaged network the weights of the best epoch, if there has been one. */
  async loadBest(): Promise<void> {
    if (this.state.best !== null) await this.#files.loadBest(this.#groups.average)
  }
}

/** The learning rate follows the longer schedule from here on. */
function continued(state: RunState, epochs: number, teachers: readonly string[]): RunState {
  if (state.epochs !== undefined && epochs < state.epochs)
    throw new AlikeError('run_differs', {
      detail: `The run has ${state.epochs} epochs: resume it with --epochs ${state.epochs} or more.`,
    })
  expectSameTeachers(state, teachers)
  return { ...state, epochs }
}
