/** Where a run without starting weights stands, on disk: its last checkpoint, and the weights of its best epoch. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../errors.js'
import {
  afterEpoch,
  type EpochRecord,
  loadCheckpoint,
  type RunState,
  saveCheckpoint,
  type VariableGroups,
} from './checkpoint.js'
import { expectSameTeachers, teacherIds } from './fine-tuning/teachers.js'
import type { AdamW } from './optimizer/adamw.js'
import { RunClaim } from './run-claim.js'
import { forgetRun, hasCheckpoint } from './run-folder.js'
import { fingerprintOf, type TrainSettings } from './settings.js'
import { dataHash, type TrainingData } from './training-data.js'

export interface RunCheckpointsOptions {
  settings: TrainSettings
  data: TrainingData
  /** That computes; a checkpoint keeps the one that it was begun with. */
  backend: string
  /** Of the network being trained. */
  weights: readonly tf.Variable[]
  /** Of the network that is evaluated and exported. */
  average: readonly tf.Variable[]
  optimizer: AdamW
  log: (line: string) => void
}

const notStarted = { epoch: 0, batch: 0, optimizerStep: 0, best: null, history: [], secondsSpent: 0 }

export class RunCheckpoints {
  state: RunState
  readonly #last: string
  readonly #best: string
  readonly #fingerprint: string
  readonly #everything: VariableGroups
  readonly #average: VariableGroups
  #claim!: RunClaim
  #savedAt = performance.now()

  private constructor(
    work: string,
    teachers: readonly string[],
    { settings, data, backend, weights, average, optimizer }: RunCheckpointsOptions,
  ) {
    this.state = { ...notStarted, epochs: settings.epochs, teachers, backend }
    this.#last = join(work, 'checkpoint.safetensors')
    this.#best = join(work, 'best.safetensors')
    this.#fingerprint = fingerprintOf(settings, data.labels, dataHash(data))
    this.#everything = { weights, average, moments: optimizer.moments }
    this.#average = { average }
  }

  /**
   * Loads the last checkpoint if the run is resumed or exported; a run that starts anew removes it.
   * @throws AlikeError `run_differs`, also for a run with more epochs or other teachers; `run_unreadable`;
   * `run_not_found` if there is none to export
   */
  static async open(options: RunCheckpointsOptions): Promise<RunCheckpoints> {
    const { settings, optimizer, log } = options
    const work = join(settings.work, settings.name)
    await mkdir(work, { recursive: true })
    const teachers = settings.exportOnly ? [] : await teacherIds(settings)
    const opened = new RunCheckpoints(work, teachers, options)
    if (!settings.resume && !settings.exportOnly) await forgetRun([opened.#last, opened.#best])
    else if (settings.exportOnly || (await hasCheckpoint(opened.#last, log))) {
      const state = await loadCheckpoint(opened.#last, opened.#everything, opened.#fingerprint)
      opened.state = settings.exportOnly ? state : continued(state, settings.epochs, teachers)
      optimizer.step = opened.state.optimizerStep
      log(`resumed at epoch ${opened.state.epoch + 1}, batch ${opened.state.batch}`)
    }
    opened.#claim = await RunClaim.of([opened.#last, opened.#best])
    opened.#savedAt = performance.now()
    return opened
  }

  get secondsSinceSave(): number {
    return (performance.now() - this.#savedAt) / 1000
  }

  /** The averaged weights must have been written to their variables. @throws AlikeError `run_exists`, see `RunClaim` */
  async save(): Promise<void> {
    await this.#claim.guard(() => saveCheckpoint(this.#last, this.#everything, this.state, this.#fingerprint))
    this.#savedAt = performance.now()
  }

  /** Moves on to the next epoch; the averaged weights of the best one are the result of the run. */
  async endEpoch(record: EpochRecord): Promise<void> {
    this.state = afterEpoch(this.state, record)
    const isBest = this.state.best?.epoch === record.epoch
    if (isBest) await this.#claim.guard(() => saveCheckpoint(this.#best, this.#average, this.state, this.#fingerprint))
    await this.save()
  }

  /** Gives the averaged network the weights of the best epoch, if there has been one. */
  async loadBest(): Promise<void> {
    if (this.state.best === null) return
    await this.#claim.guard(() => loadCheckpoint(this.#best, this.#average, this.#fingerprint))
  }
}

/** The learning rate follows the longer schedule from here on. */
function continued(state: RunState, epochs: number, teachers: readonly string[]): RunState {
  if (state.epochs !== undefined && epochs < state.epochs)
    throw new AlikeError('run_differs', {
      detail: `It has ${state.epochs} epochs: resume it with --epochs ${state.epochs} or more.`,
    })
  expectSameTeachers(state, teachers)
  return { ...state, epochs }
}
