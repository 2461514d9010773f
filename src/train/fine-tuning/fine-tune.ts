/** From starting weights to a network folder: cached maps, phases, evaluation on val, export. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { AlikeError } from '../../errors.js'
import { chooseBackend } from '../backend.js'
import { loadCheckpoint, saveCheckpoint, type RunState } from '../checkpoint.js'
import { exportAndReport } from '../export-and-report.js'
import { PictureLoader } from '../loader/picture-loader.js'
import { variablesOf } from '../models/network.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { startingNetwork } from '../models/starting-network.js'
import { setConvolutionPrecision, type ConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { followWeights } from '../optimizer/weight-average.js'
import { EpochProgress, epochLine } from '../progress.js'
import type { ModelMetrics } from '../report/model-metrics.js'
import { readTrainingData, type TrainingData } from '../training-data.js'
import { readStartingWeights } from '../weights/starting-weights.js'
import type { StartingWeights } from '../weights/weight-form.js'
import { cachedMaps, type CachedMaps } from './cached-maps.js'
import { phaseOptimizer } from './phase-optimizer.js'
import { epochsOf, phaseOf, planBatches, ratesAt } from './plan.js'
import { fineTuneFingerprint, shapingFineTuneSettings, type FineTuneSettings } from './settings.js'
import { tailStep, wholeStep } from './steps.js'
import { trainingInput } from './training-input.js'
import { judgeOnVal } from './val-quality.js'

export interface FineTuned {
  /** The model folder; absent when the run was stopped before its end. */
  folder?: string
  /** Absent also when the test pictures were left alone. */
  metrics?: ModelMetrics
  state: RunState
}

/** The parts of a run. */
interface Run {
  settings: FineTuneSettings
  data: TrainingData
  starting: StartingWeights
  loader: PictureLoader
  /** The network that is trained, for squares of any side. */
  network: StagedNetwork
  /** The average of its weights over the run: the one that is judged and exported. */
  averaged: StagedNetwork
  compute: ConvolutionPrecision
  log: (line: string) => void
  stop: AbortSignal
}

/**
 * @param stop ends the run after the batch in work, with a checkpoint to resume from
 * @throws AlikeError `weights_unreadable`, `data_unreadable`, `export_parity_failed`.
 */
export async function fineTune(settings: FineTuneSettings, log: (line: string) => void, stop: AbortSignal): Promise<FineTuned> {
  const { phases, seed, name } = settings
  const backend = await chooseBackend(settings.backend)
  const compute = setConvolutionPrecision(settings.compute)

  const starting = await readStartingWeights(settings.init, settings.initSha256)
  if (settings.architecture !== undefined && settings.architecture !== starting.architecture) {
    throw new AlikeError('weights_unreadable', { detail: `${starting.file} is of ${starting.architecture}, not of ${settings.architecture}.` })
  }
  const data = await readTrainingData(settings)
  log(`backend ${backend}, convolutions in ${compute}; ${starting.description}, ${starting.sha256.slice(0, 12)}`)
  log(`${data.labels.length} labels; pictures: train ${data.train.length}, val ${data.val.length}, test ${data.test.length}`)

  const shape = { name, labels: data.labels, head: settings.head, seed }
  const network = startingNetwork(starting, { ...shape, fixedSize: false })
  const averaged = startingNetwork(starting, shape)
  const loader = new PictureLoader(data.pictures)
  try {
    const state = await runPhases({ settings, data, starting, loader, network, averaged, compute, log, stop })
    if (phaseOf(phases, state.epoch) !== null && !settings.exportOnly) {
      log(`stopped in epoch ${state.epoch + 1}; go on with --resume`)
      return { state }
    }
    setConvolutionPrecision('float32')
    const startedFrom = `${starting.description}, file ${starting.file}, SHA-256 ${starting.sha256}`
    const phasesTrained = [...new Set(state.history.map(({ phase }) => phase))]
    const facts = { startedFrom, backend, compute, phasesTrained, seed, epochs: state.epoch, chosenEpoch: state.best === null ? null : state.best.epoch + 1 }
    const course = { seconds: state.secondsSpent, settings: shapingFineTuneSettings(settings), history: state.history }
    const report = settings.report && !settings.exportOnly
    return { state, ...(await exportAndReport({ settings, data, loader, network: averaged, facts, course, useClassifier: settings.detachedClassifier !== true, report, log })) }
  } finally {
    loader.close()
    for (const { model } of [network, averaged]) model.dispose()
  }
}

/** Goes through the phases from the start or the checkpoint; afterwards the averaged network has the best epoch's weights if the run is at its end. */
async function runPhases(run: Run): Promise<RunState> {
  const { settings, data, starting, loader, network, averaged, log, stop } = run
  const { phases } = settings
  const groups = { weights: variablesOf(network), average: variablesOf(averaged) }

  // cached maps, made with the starting weights
  const wantsMaps = phases.some(({ trains }) => trains !== 'all') && !settings.exportOnly
  const maps = wantsMaps ? await cachedMaps(network, starting.sha256, data, settings, loader, log, stop) : null

  // where the run stands
  const work = join(settings.work, settings.name)
  await mkdir(work, { recursive: true })
  const files = { checkpoint: join(work, 'checkpoint.safetensors'), best: join(work, 'best.safetensors') }
  const fingerprint = fineTuneFingerprint(settings, starting.sha256, data.labels, data.pictures.length)
  let state: RunState = { epoch: 0, batch: 0, optimizerStep: 0, best: null, history: [], secondsSpent: 0 }
  try {
    if ((settings.resume || settings.exportOnly) && (await exists(files.checkpoint))) {
      state = await loadCheckpoint(files.checkpoint, groups, fingerprint)
      log(`resumed at epoch ${state.epoch + 1}, batch ${state.batch}`)
    }
    while (!stop.aborted && !settings.exportOnly && phaseOf(phases, state.epoch) !== null) {
      state = await runPhase(run, state, maps, files, fingerprint)
    }
    if (!stop.aborted && state.best !== null) await loadCheckpoint(files.best, { average: groups.average }, fingerprint)
    return state
  } finally {
    await maps?.close()
  }
}

/** The rest of the phase that the run is in. */
async function runPhase({ settings, data, loader, network, averaged, compute, log, stop }: Run, given: RunState, maps: CachedMaps | null, files: { checkpoint: string; best: string }, fingerprint: string): Promise<RunState> {
  let state = given
  const epochs = epochsOf(settings.phases)
  const { phase, epochInPhase } = phaseOf(settings.phases, state.epoch)!
  const preprocessing = { ...network.preprocessing, inputSize: phase.side ?? network.preprocessing.inputSize }
  const [weights, average] = [variablesOf(network), variablesOf(averaged)]
  const optimizer = phaseOptimizer(network, phase.trains, settings.weightDecay)
  const everything = { weights, average, moments: optimizer.moments }
  // a phase begins with a fresh optimiser; in its middle the checkpoint holds the moments
  if (epochInPhase > 0 || state.batch > 0) {
    await loadCheckpoint(files.checkpoint, everything, fingerprint)
    optimizer.step = state.optimizerStep
  } else {
    // a run that ends with every layer trained must not hand out a network of which some are still the starting ones
    state = { ...state, best: null }
  }
  let lastSave = performance.now()
  const save = async (): Promise<void> => {
    await saveCheckpoint(files.checkpoint, everything, state, fingerprint)
    lastSave = performance.now()
  }

  try {
    for (const end = state.epoch + phase.epochs - epochInPhase; state.epoch < end; ) {
      const { epoch } = state
      const batches = planBatches(data, settings, epoch)
      const progress = new EpochProgress(performance.now())
      for await (const input of trainingInput(phase.trains, batches.slice(state.batch), { maps, loader, data, settings, preprocessing })) {
        const { classes } = batches[state.batch]!
        const { loss, gradients } = phase.trains === 'all'
          ? wholeStep(network, input, classes, { variables: optimizer, losses: settings, microBatch: settings.microBatch })
          : tailStep(network.tail, input, classes, optimizer.tail, settings)
        input.dispose()
        optimizer.apply(gradients, ratesAt(phase, optimizer.step, batches.length, settings.warmupShare))
        for (const gradient of Object.values(gradients)) gradient.dispose()
        followWeights(average, weights, optimizer.step, settings.averageDecay)
        state = { ...state, batch: state.batch + 1, optimizerStep: optimizer.step }
        const line = progress.add(loss, classes.length, `${phase.trains} epoch ${epoch + 1}/${epochs} batch ${state.batch}/${batches.length}`, performance.now())
        if (line !== null) log(line)
        // signals are heard between two batches only
        await setImmediate()
        if (stop.aborted || performance.now() - lastSave > settings.checkpointEverySeconds * 1000) await save()
        if (stop.aborted) return state
      }

      // evaluate on val, as it will be served
      const picturesPerSecond = progress.picturesPerSecond(performance.now())
      setConvolutionPrecision('float32')
      const val = await judgeOnVal(averaged, data, loader, phase.trains === 'all' ? null : maps)
      setConvolutionPrecision(compute)
      const seconds = progress.seconds(performance.now())
      const record = { epoch, side: preprocessing.inputSize, phase: phase.trains, loss: progress.loss, picturesPerSecond, seconds, val }

      // checkpoint; the best epoch's averaged weights are the result
      const score = val.mAP10 ?? val.accuracy
      const isBest = state.best === null || score > state.best.score
      state = { ...state, epoch: epoch + 1, batch: 0, best: isBest ? { epoch, score } : state.best, history: [...state.history, record], secondsSpent: state.secondsSpent + seconds }
      if (isBest) await saveCheckpoint(files.best, { average }, state, fingerprint)
      await save()
      log(epochLine(record, state, epochs))
    }
    return state
  } finally {
    optimizer.dispose()
  }
}

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false)
