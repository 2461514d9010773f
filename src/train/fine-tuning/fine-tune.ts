/** From starting weights to a network folder: cached maps, phases, evaluation on val, export. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs-core'
import { AlikeError } from '../../errors.js'
import { chooseBackend } from '../backend.js'
import { loadCheckpoint, type RunState, saveCheckpoint } from '../checkpoint.js'
import { exportAndReport } from '../export-and-report.js'
import { ImageLoader, loaderProcesses } from '../loader/image-loader.js'
import { variablesOf } from '../models/network.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { startingNetwork } from '../models/starting-network.js'
import { type ConvolutionPrecision, setConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { WeightAverage } from '../optimizer/weight-average.js'
import { EpochProgress, epochLine } from '../progress.js'
import type { ModelMetrics } from '../report/model-metrics.js'
import { exists } from '../run-folder.js'
import { epochWork, exportPasses, secondsLeft, secondsOfExportedPass } from '../time-left.js'
import { readTrainingData, type TrainingData } from '../training-data.js'
import { readStartingWeights } from '../weights/starting-weights.js'
import type { StartingWeights } from '../weights/weight-format.js'
import { type CachedMaps, cachedMaps } from './cached-maps.js'
import { mixed } from './mix.js'
import { type PhaseOptimizer, phaseOptimizer } from './phase-optimizer.js'
import { epochsOf, type FineTuneBatch, phaseOf, planBatches, ratesAt } from './plan.js'
import { type FineTuneSettings, fineTuneFingerprint, type PhaseName, shapingFineTuneSettings } from './settings.js'
import { type StepResult, tailStep, wholeStep } from './steps.js'
import { Teachers } from './teachers.js'
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

/**
 * @param stop ends the run after the batch in work, with a checkpoint to resume from
 * @throws AlikeError `weights_unreadable`, `data_unreadable`, `export_parity_failed`.
 */
export async function fineTune(
  settings: FineTuneSettings,
  log: (line: string) => void,
  stop: AbortSignal,
): Promise<FineTuned> {
  const { phases, seed, name } = settings
  const backend = await chooseBackend(settings.backend)
  const compute = setConvolutionPrecision(settings.compute)

  const starting = await readStartingWeights(settings.init, settings.initSha256)
  if (settings.architecture !== undefined && settings.architecture !== starting.architecture) {
    throw new AlikeError('weights_unreadable', {
      detail: `${starting.file} is of ${starting.architecture}, not of ${settings.architecture}.`,
    })
  }
  const data = await readTrainingData(settings, log)
  log(`backend ${backend}, convolutions in ${compute}; ${starting.description}, ${starting.sha256.slice(0, 12)}`)
  log(
    `${data.labels.length} labels; pictures: train ${data.train.length}, val ${data.val.length}, test ${data.test.length}`,
  )

  const shape = { name, labels: data.labels, head: settings.head, seed }
  const network = startingNetwork(starting, { ...shape, fixedSize: false })
  const averaged = startingNetwork(starting, shape)
  const teachers =
    settings.teachers.length === 0 || settings.exportOnly ? null : await Teachers.read(settings.teachers, averaged)
  const loader = new ImageLoader(data.images, settings.loaders === 'auto' ? loaderProcesses() : settings.loaders)
  const microBatch = settings.microBatch === 'auto' ? (backend.endsWith('(gpu)') ? Infinity : 6) : settings.microBatch
  try {
    const state = await runPhases({
      settings,
      data,
      starting,
      loader,
      network,
      averaged,
      teachers,
      microBatch,
      backend,
      compute,
      log,
      stop,
    })
    if (phaseOf(phases, state.epoch) !== null && !settings.exportOnly) {
      log(`stopped in epoch ${state.epoch + 1}; go on with --resume`)
      return { state }
    }
    setConvolutionPrecision('float32')
    const startedFrom = `${starting.description}, file ${starting.file}, SHA-256 ${starting.sha256}`
    const phasesTrained = [...new Set(state.history.map(({ phase }) => phase))]
    const facts = {
      startedFrom,
      backend: state.backend ?? backend,
      compute,
      phasesTrained,
      seed,
      epochs: state.epoch,
      chosenEpoch: state.best === null ? null : state.best.epoch + 1,
    }
    const course = { seconds: state.secondsSpent, settings: shapingFineTuneSettings(settings), history: state.history }
    return {
      state,
      ...(await exportAndReport({
        settings,
        data,
        loader,
        network: averaged,
        facts,
        course,
        useClassifier: settings.detachedClassifier !== true,
        report: settings.report,
        log,
      })),
    }
  } finally {
    loader.close()
    teachers?.dispose()
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
  const fingerprint = fineTuneFingerprint(settings, starting.sha256, data.labels, data.images.length)
  let state: RunState = {
    epoch: 0,
    batch: 0,
    optimizerStep: 0,
    best: null,
    history: [],
    secondsSpent: 0,
    backend: run.backend,
  }
  try {
    if (settings.exportOnly) return await loadCheckpoint(files.best, { average: groups.average }, fingerprint)
    if (settings.resume && (await exists(files.checkpoint))) {
      state = await loadCheckpoint(files.checkpoint, groups, fingerprint)
      log(`resumed at epoch ${state.epoch + 1}, batch ${state.batch}`)
    }
    while (!stop.aborted && phaseOf(phases, state.epoch) !== null) {
      state = await runPhase(run, state, maps, files, fingerprint)
    }
    if (!stop.aborted && state.best !== null) await loadCheckpoint(files.best, { average: groups.average }, fingerprint)
    return state
  } finally {
    await maps?.close()
  }
}

/** The rest of the phase that the run is in. */
async function runPhase(
  run: Run,
  given: RunState,
  maps: CachedMaps | null,
  files: { checkpoint: string; best: string },
  fingerprint: string,
): Promise<RunState> {
  const { settings, data, loader, network, averaged, compute, log, stop } = run
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
  const following = new WeightAverage(average, weights)
  let lastSave = performance.now()
  const save = async (): Promise<void> => {
    following.write()
    await saveCheckpoint(files.checkpoint, everything, state, fingerprint)
    lastSave = performance.now()
  }
  const isTimeToSave = (): boolean =>
    stop.aborted || performance.now() - lastSave > settings.checkpointEverySeconds * 1000

  try {
    for (const end = state.epoch + phase.epochs - epochInPhase; state.epoch < end; ) {
      const { epoch } = state
      const batches = planBatches(data, settings, epoch)
      const progress = new EpochProgress(performance.now())
      // a step's loss is read when the next is under way: reading waits for the device, which should not wait for us
      let untold: { loss: tf.Scalar; images: number; place: string } | null = null
      const tell = (): void => {
        if (untold === null) return
        const line = progress.add(untold.loss.dataSync()[0]!, untold.images, untold.place, performance.now())
        untold.loss.dispose()
        untold = null
        if (line !== null) log(line)
      }
      let asked = performance.now()
      for await (const input of trainingInput(phase.trains, batches.slice(state.batch), {
        maps,
        loader,
        data,
        settings,
        preprocessing,
      })) {
        progress.waited(performance.now() - asked)
        const batch = batches[state.batch]!
        const { loss, gradients } = stepOf(run, phase.trains, input, batch, optimizer)
        input.dispose()
        optimizer.apply(gradients, ratesAt(phase, optimizer.step, batches.length, settings.warmupShare))
        for (const gradient of Object.values(gradients)) gradient.dispose()
        following.follow(optimizer.step, settings.averageDecay)
        state = { ...state, batch: state.batch + 1, optimizerStep: optimizer.step }
        tell()
        untold = {
          loss,
          images: batch.classes.length,
          place: `${phase.trains} epoch ${epoch + 1}/${epochs} batch ${state.batch}/${batches.length}`,
        }
        // signals are heard between two batches only
        await setImmediate()
        if (isTimeToSave()) await save()
        if (stop.aborted) {
          tell()
          return state
        }
        asked = performance.now()
      }
      tell()

      // evaluate on val, as it will be served
      const { picturesPerSecond, waitedShare } = progress.pace(performance.now())
      const isJudged = (end - epoch - 1) % settings.judgeEvery === 0
      const judged = async () => {
        following.write()
        setConvolutionPrecision('float32')
        const quality = await judgeOnVal(averaged, data, loader, phase.trains === 'all' ? null : maps)
        setConvolutionPrecision(compute)
        return quality
      }
      const val = isJudged ? await judged() : null
      const seconds = progress.seconds(performance.now())
      const record = {
        epoch,
        side: preprocessing.inputSize,
        phase: phase.trains,
        loss: progress.loss,
        picturesPerSecond,
        waitedShare,
        seconds,
        val,
      }

      // checkpoint; the best epoch's averaged weights are the result
      const score = val === null ? null : (val.mAP10 ?? val.accuracy)
      const isBest = score !== null && (state.best === null || score > state.best.score)
      state = {
        ...state,
        epoch: epoch + 1,
        batch: 0,
        best: isBest ? { epoch, score } : state.best,
        history: [...state.history, record],
        secondsSpent: state.secondsSpent + seconds,
      }
      if (isBest) await saveCheckpoint(files.best, { average }, state, fingerprint)
      if (isTimeToSave() || state.epoch === end) await save()
      log(epochLine(record, state, { epochs, secondsLeft: timeLeft(run, state) }))
    }
    return state
  } finally {
    optimizer.dispose()
    following.dispose()
  }
}

/** @param input pictures, or maps where only the end of the network is trained */
function stepOf(
  { settings, network, teachers, microBatch }: Run,
  trains: PhaseName,
  input: tf.Tensor4D,
  { members, classes, mix, links }: FineTuneBatch,
  optimizer: PhaseOptimizer,
): StepResult {
  return tf.tidy(() => {
    const rows = mix === null ? input : mixed(input, mix)
    const images = members.map(({ member }) => member)
    if (trains !== 'all') return tailStep(network.tail, rows, { classes, images, mix, links }, optimizer.tail, settings)
    const taught = teachers?.teach(rows) ?? null
    return wholeStep(
      network,
      rows,
      { classes, images, mix, taught, links },
      { variables: optimizer, losses: settings, microBatch },
    )
  })
}

function timeLeft({ settings, data, averaged, backend }: Run, { epoch, history }: RunState): number | null {
  const fullSide = averaged.preprocessing.inputSize
  const planned = (phase: string | undefined, side: number) => ({
    phase,
    side,
    work: epochWork(data.train.length, { phase, side }, fullSide),
  })
  const done = history.map(({ phase, side, seconds }) => ({ ...planned(phase, side), seconds }))
  const toCome = Array.from({ length: epochsOf(settings.phases) - epoch }, (_, i) => {
    const { trains, side = fullSide } = phaseOf(settings.phases, epoch + i)!.phase
    return planned(trains, side)
  })
  const secondsEach = backend.endsWith('(gpu)') ? secondsOfExportedPass(averaged.model.countParams()) : undefined
  return secondsLeft(done, toCome, { count: exportPasses(data, settings.report), secondsEach })
}
