/**
 * One phase of a run: its batches, an evaluation on val after each epoch, and checkpoints from which it resumes bit for
 * bit.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs-core'
import { afterEpoch, type EpochRecord, type RunState } from '../checkpoint.js'
import { variablesOf } from '../models/network.js'
import { setConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { WeightAverage } from '../optimizer/weight-average.js'
import { EpochProgress, epochLine } from '../progress.js'
import type { RunFiles } from '../run-files.js'
import type { CachedMaps } from './cached-maps.js'
import { LateLosses } from './late-losses.js'
import { mixed } from './mix.js'
import { type PhaseOptimizer, phaseOptimizer } from './phase-optimizer.js'
import { epochsOf, type FineTuneBatch, phaseOf, planBatches, ratesAt } from './plan.js'
import type { Run } from './run.js'
import { secondsLeftOf } from './seconds-left.js'
import type { Phase, PhaseName } from './settings.js'
import { type StepResult, tailStep, wholeStep } from './steps.js'
import { type InputSources, trainingInput } from './training-input.js'
import { judgeOnVal } from './val-quality.js'

export interface PhaseParts {
  run: Run
  files: RunFiles
  maps: CachedMaps | null
}

/** Runs the rest of the current phase, or part of it if stopped. @returns the state reached */
export async function runPhase(parts: PhaseParts, state: RunState): Promise<RunState> {
  const phase = await PhaseRun.takeUp(parts, state)
  try {
    return await phase.toEnd()
  } finally {
    phase.dispose()
  }
}

class PhaseRun {
  readonly #run: Run
  readonly #files: RunFiles
  readonly #sources: InputSources
  readonly #phase: Phase
  /** The first epoch after the phase. */
  readonly #end: number
  readonly #optimizer: PhaseOptimizer
  readonly #variables: Variables
  readonly #following: WeightAverage
  #state: RunState
  #lastSave = performance.now()

  private constructor({ run, files, maps }: PhaseParts, state: RunState, optimizer: PhaseOptimizer) {
    const { settings, network, loader, data } = run
    const { phase, epochInPhase } = phaseOf(settings.phases, state.epoch)!
    const preprocessing = { ...network.preprocessing, inputSize: phase.side ?? network.preprocessing.inputSize }
    this.#run = run
    this.#files = files
    this.#sources = { maps, loader, data, settings, preprocessing }
    this.#phase = phase
    this.#end = state.epoch + phase.epochs - epochInPhase
    this.#optimizer = optimizer
    this.#variables = variablesIn(run, optimizer)
    this.#following = new WeightAverage(this.#variables.average, this.#variables.weights)
    this.#state = state
  }

  /** A phase starts with a fresh optimiser; in the middle of one, the checkpoint restores the moments. */
  static async takeUp(parts: PhaseParts, state: RunState): Promise<PhaseRun> {
    const { run, files } = parts
    const { phase, epochInPhase } = phaseOf(run.settings.phases, state.epoch)!
    const optimizer = phaseOptimizer(run.network, phase.trains, run.settings.weightDecay)
    // a run that ends with a phase training every layer must not export a network with some layers still at their
    // starting weights
    if (epochInPhase === 0 && state.batch === 0)
      return new PhaseRun(parts, { ...state, optimizerStep: 0, best: null }, optimizer)
    await files.load(variablesIn(run, optimizer))
    return new PhaseRun(parts, state, optimizer)
  }

  dispose(): void {
    this.#optimizer.dispose()
    this.#following.dispose()
  }

  async toEnd(): Promise<RunState> {
    while (this.#state.epoch < this.#end) {
      const progress = new EpochProgress(performance.now(), this.#state.part)
      if (!(await this.#train(progress))) break
      await this.#endEpoch(progress)
    }
    return this.#state
  }

  /** Runs the rest of the epoch. @returns false if stopped, after the current batch */
  async #train(progress: EpochProgress): Promise<boolean> {
    const { log, stop, settings } = this.#run
    const batches = planBatches(this.#sources.data, settings, this.#state.epoch)
    const losses = new LateLosses(progress, log)
    let waitingSince = performance.now()
    for await (const input of trainingInput(this.#phase.trains, batches.slice(this.#state.batch), this.#sources)) {
      progress.waited(performance.now() - waitingSince)
      const batch = batches[this.#state.batch]!
      const loss = await this.#step(input, batch, batches.length)
      losses.add({ loss, images: batch.classes.length, place: this.#placeOf(batches.length) })
      // signals are handled only between batches
      await setImmediate()
      if (this.#isTimeToSave) {
        losses.flush()
        this.#state = { ...this.#state, part: progress.part(performance.now()) }
        await this.#save()
      }
      if (stop.aborted) return false
      waitingSince = performance.now()
    }
    losses.flush()
    return true
  }

  /** Updates the weights and their moving average. @returns the loss; the caller disposes of it */
  async #step(input: tf.Tensor4D, batch: FineTuneBatch, batchesInEpoch: number): Promise<tf.Scalar> {
    const { settings } = this.#run
    const optimizer = this.#optimizer
    const { optimizerStep } = this.#state
    const { loss, gradients } = await stepOf(this.#run, { trains: this.#phase.trains, input, batch, optimizer })
    input.dispose()
    optimizer.apply(gradients, ratesAt(this.#phase, optimizerStep, batchesInEpoch, settings.warmupShare))
    for (const gradient of Object.values(gradients)) gradient.dispose()
    this.#state = { ...this.#state, batch: this.#state.batch + 1, optimizerStep: optimizerStep + 1 }
    this.#following.follow(this.#state.optimizerStep, settings.averageDecay)
    return loss
  }

  #placeOf(batchesInEpoch: number): string {
    const { epoch, batch } = this.#state
    const epochs = epochsOf(this.#run.settings.phases)
    return `${this.#phase.trains} epoch ${epoch + 1}/${epochs} batch ${batch}/${batchesInEpoch}`
  }

  /** Evaluates the epoch, keeps it if it is the best so far, and reports it. */
  async #endEpoch(progress: EpochProgress): Promise<void> {
    const { settings, timed, log } = this.#run
    const trained = performance.now()
    const pace = progress.pace(trained)
    const val = (this.#end - this.#state.epoch - 1) % settings.judgeEvery === 0 ? await this.#judge() : null
    const judged = performance.now()
    const kind = { side: this.#sources.preprocessing.inputSize, phase: this.#phase.trains }
    const times = progress.timed({ trained, judged })
    if (times !== null) timed.push({ ...kind, ...times })
    const { epoch } = this.#state
    const record = { epoch, ...kind, loss: progress.loss, ...pace, seconds: progress.seconds(judged), val }
    await this.#keep(record)
    const left = { epochs: epochsOf(settings.phases), secondsLeft: secondsLeftOf(this.#run, this.#state) }
    log(epochLine(record, this.#state, left))
  }

  /** On val, on the serving path. */
  async #judge(): Promise<EpochRecord['val']> {
    const { averaged, loader, compute } = this.#run
    const { maps, data } = this.#sources
    this.#following.write()
    setConvolutionPrecision('float32')
    const quality = await judgeOnVal(averaged, data, loader, this.#phase.trains === 'all' ? null : maps)
    setConvolutionPrecision(compute)
    return quality
  }

  /** The averaged weights of the best epoch are the result. */
  async #keep(record: EpochRecord): Promise<void> {
    this.#state = afterEpoch(this.#state, record)
    const isBest = this.#state.best?.epoch === record.epoch
    if (isBest) await this.#files.saveBest(this.#variables.average, this.#state)
    if (this.#isTimeToSave || this.#state.epoch === this.#end) await this.#save()
  }

  get #isTimeToSave(): boolean {
    const { stop, settings } = this.#run
    return stop.aborted || performance.now() - this.#lastSave > settings.checkpointEverySeconds * 1000
  }

  async #save(): Promise<void> {
    this.#following.write()
    await this.#files.save(this.#variables, this.#state)
    this.#lastSave = performance.now()
  }
}

/** All variables in a checkpoint. */
type Variables = Record<'weights' | 'average' | 'moments', readonly tf.Variable[]>

const variablesIn = ({ network, averaged }: Run, { moments }: PhaseOptimizer): Variables => ({
  weights: variablesOf(network),
  average: variablesOf(averaged),
  moments,
})

interface Step {
  trains: PhaseName
  /** Pictures, or maps if only the end of the network is trained. */
  input: tf.Tensor4D
  batch: FineTuneBatch
  optimizer: PhaseOptimizer
}

async function stepOf(
  { settings, network, teachers, microBatch }: Run,
  { trains, input, batch: { classes, pictures, mix, links }, optimizer }: Step,
): Promise<StepResult> {
  const rows = mix === null ? input : mixed(input, mix)
  const taught = trains === 'all' && teachers !== null ? await teachers.teach(rows) : null
  const truth = { classes, images: pictures, mix, links }
  const result = tf.tidy(() =>
    trains === 'all'
      ? wholeStep(network, rows, { ...truth, taught }, { variables: optimizer, losses: settings, microBatch })
      : tailStep(network.tail, rows, truth, { variables: optimizer.tail, losses: settings }),
  )
  tf.dispose([{ ...taught }, ...(rows === input ? [] : [rows])])
  return result
}
