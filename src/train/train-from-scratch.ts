/** Training without starting weights: data, epochs, evaluation on val, export. */
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs-core'
import { evaluateClassification } from '../eval/classification.js'
import { seededRandom } from '../eval/random.js'
import { chooseBackend, describeBackend } from './backend.js'
import type { RunState } from './checkpoint.js'
import { embedImages } from './embed-images.js'
import { planEpoch, sideOf } from './epoch-plan.js'
import { type EndedRun, exportAndReport, factsOf } from './export-and-report.js'
import { openTeachers, type Teachers } from './fine-tuning/teachers.js'
import { ImageLoader } from './loader/image-loader.js'
import { eraseSquares } from './loader/normalise.js'
import { type TrainableNetwork, trainableVariablesOf, variablesOf } from './models/network.js'
import { microBatchHere } from './models/pieces.js'
import { simpleCnn } from './models/simple-cnn.js'
import { mAP10Of } from './models/val-choice.js'
import { setConvolutionPrecision } from './native/bfloat16-convolutions.js'
import { AdamW } from './optimizer/adamw.js'
import { learningRateAt, warmupStepsOf } from './optimizer/schedule.js'
import { WeightAverage } from './optimizer/weight-average.js'
import { EpochProgress, epochLine } from './progress.js'
import { expectReadable } from './readable-pictures.js'
import { RunCheckpoints } from './run-checkpoints.js'
import { networkIn } from './run-folder.js'
import { shapingRunSettings } from './run-settings.js'
import type { TrainSettings } from './settings.js'
import { openTeaching, type Teaching } from './teaching.js'
import { exportPasses, secondsLeft, type TimedEpoch } from './time-left.js'
import { logParts, readTrainingData, type TrainingData } from './training-data.js'
import { inputOf, trainingStep } from './training-step.js'

/** The parts of a run. */
interface Run {
  settings: TrainSettings
  data: TrainingData
  loader: ImageLoader
  /** The network being trained; accepts squares of any side. */
  network: TrainableNetwork
  /** The moving average of its weights: the network that is evaluated and exported. */
  averaged: TrainableNetwork
  optimizer: AdamW
  teachers: Teachers | null
  backend: string
  /** Epochs of this process, from which the remaining time is estimated. */
  timed: TimedEpoch[]
  log: (line: string) => void
  stop: AbortSignal
  /** Id of the network that the export replaces, if any. */
  networkBefore: unknown
}

/**
 * @param stop ends the run after the current batch and saves a checkpoint to resume from
 * @throws AlikeError `dataset_unusable`, `export_parity_failed`.
 */
export async function trainFromScratch(
  settings: TrainSettings,
  log: (line: string) => void,
  stop: AbortSignal,
): Promise<EndedRun> {
  // before anything is read, because what another run writes meanwhile is not what this one may replace
  const networkBefore = await networkIn(join(settings.out, settings.name))
  const data = await readTrainingData(settings, log)
  const backend = await chooseBackend(settings.backend)
  const compute = setConvolutionPrecision(settings.compute)
  log(`backend ${describeBackend(backend, settings.backend)}, convolutions in ${compute}`)
  logParts(data, log)

  const run = await openRun({ settings, data, backend, networkBefore, log, stop })
  try {
    const state = await runEpochs(run)
    if (state.epoch < settings.epochs && !settings.exportOnly) {
      log(`stopped in epoch ${state.epoch + 1}; go on with --resume`)
      return { state }
    }
    return { state, ...(await exportRun(run, state)) }
  } finally {
    await closeRun(run)
  }
}

type Known = Pick<Run, 'settings' | 'data' | 'backend' | 'networkBefore' | 'log' | 'stop'>

async function openRun(parts: Known): Promise<Run> {
  const { settings, data, log } = parts
  const shape = {
    name: settings.name,
    labels: data.labels,
    preprocessing: settings.preprocessing,
    seed: settings.seed,
    ...settings.network,
  }
  const network = simpleCnn({ ...shape, fixedSize: false })
  const averaged = simpleCnn(shape)
  log(`${averaged.architecture}: ${averaged.model.countParams()} weights`)

  const optimizer = new AdamW(trainableVariablesOf(network), { weightDecay: settings.weightDecay })
  const teachers = await openTeachers(settings, averaged, microBatchHere(), log)
  const loader = new ImageLoader(data.images)
  return { ...parts, loader, network, averaged, optimizer, teachers, timed: [] }
}

async function closeRun({ loader, teachers, optimizer, network, averaged }: Run): Promise<void> {
  await loader.close()
  await teachers?.close()
  optimizer.dispose()
  for (const { model } of [network, averaged]) model.dispose()
}

function exportRun(run: Run, state: RunState) {
  const { settings, averaged, backend } = run
  setConvolutionPrecision('float32')
  const facts = factsOf({ startedFrom: 'random weights', backend, seed: settings.seed }, state)
  const course = { seconds: state.secondsSpent, settings: shapingRunSettings(settings), history: state.history }
  return exportAndReport({ ...run, network: averaged, facts, course, useClassifier: true, report: settings.report })
}

/**
 * Trains from the start or the checkpoint, unless the run is only exported. If the run finishes, the averaged network then
 * holds the weights of the best epoch.
 */
async function runEpochs(run: Run): Promise<RunState> {
  const { settings, data, network, averaged, log } = run
  const { epochs } = settings
  const [weights, average] = [variablesOf(network), variablesOf(averaged)]
  const checkpoints = await RunCheckpoints.open({ ...run, weights, average })
  if (settings.exportOnly) return checkpoints.state
  const isNew = checkpoints.state.optimizerStep === 0
  if (isNew && !(await expectReadable({ ...run, preprocessing: settings.preprocessing }))) return checkpoints.state
  const teaching = await openTeaching(run)
  if (teaching === 'stopped') return checkpoints.state
  const following = new WeightAverage(average, weights)
  const learningRateOf = learningRates(settings, planEpoch(data, settings, 0).batches.length)
  try {
    while (checkpoints.state.epoch < epochs) {
      const progress = new EpochProgress(performance.now(), checkpoints.state.part)
      setConvolutionPrecision(settings.compute)
      const isComplete = await trainEpoch(run, { checkpoints, following, learningRateOf, teaching, progress })
      if (!isComplete) return checkpoints.state
      following.write()
      const record = await judgeEpoch(run, checkpoints.state.epoch, progress)
      await checkpoints.endEpoch(record)
      const { state } = checkpoints
      log(epochLine(record, state, { epochs, secondsLeft: timeLeft(run, state) }))
    }
  } finally {
    await teaching?.close()
    following.dispose()
  }
  await checkpoints.loadBest()
  return checkpoints.state
}

function learningRates({ learningRate, epochs }: TrainSettings, batchesPerEpoch: number): (step: number) => number {
  const { peak } = learningRate
  const warmupSteps = warmupStepsOf(learningRate, { epochs, batchesPerEpoch })
  const schedule = { peak, warmupSteps, totalSteps: epochs * batchesPerEpoch }
  return (step) => learningRateAt(step, schedule)
}

interface EpochParts {
  checkpoints: RunCheckpoints
  following: WeightAverage
  learningRateOf: (step: number) => number
  teaching: Teaching | null
  progress: EpochProgress
}

/** Trains the rest of the epoch in progress. @returns false if stopped, after saving */
async function trainEpoch(
  { settings, data, loader, network, optimizer, log, stop }: Run,
  { checkpoints, following, learningRateOf, teaching, progress }: EpochParts,
): Promise<boolean> {
  const { preprocessing, augmentation, epochs, averageDecay } = settings
  const variables = trainableVariablesOf(network)
  const { state } = checkpoints
  const { side, view, batches } = planEpoch(data, settings, state.epoch)
  const open = batches.slice(state.batch)
  for await (const pixels of loader.stream(open.map(({ request }) => request))) {
    // batches arrive as messages that Node handles back to back: without a pause no signal would be handled
    await setImmediate()
    const batch = batches[state.batch]!
    const { classes, mix, links, eraseSeed } = batch
    const random = seededRandom(eraseSeed)
    eraseSquares(pixels, { side, mean: preprocessing.mean, share: augmentation.eraseShare, random })
    const input = inputOf(network, { pixels, side, mix })
    const taught = (await teaching?.of(batch, view, input)) ?? null
    const update = { optimizer, variables, learningRate: learningRateOf(state.optimizerStep) }
    const loss = trainingStep(network, { input, classes, mix, taught, links }, update, settings)
    tf.dispose([input, { ...taught }])
    state.batch++
    state.optimizerStep++
    following.follow(state.optimizerStep, averageDecay)
    const where = `epoch ${state.epoch + 1}/${epochs} batch ${state.batch}/${batches.length}`
    const line = progress.add(loss, classes.length, where, performance.now())
    if (line !== null) log(line)
    if (stop.aborted || checkpoints.secondsSinceSave > settings.checkpointEverySeconds) {
      following.write()
      state.part = progress.part(performance.now())
      await checkpoints.save()
    }
    if (stop.aborted) return false
  }
  return true
}

/** Evaluates the averaged network on val. */
async function judgeEpoch({ settings, data, loader, averaged, timed }: Run, epoch: number, progress: EpochProgress) {
  const trained = performance.now()
  const { picturesPerSecond } = progress.pace(trained)
  setConvolutionPrecision('float32')
  const embedded = await embedImages(averaged, loader, data.images, data.val)
  const mAP10 = mAP10Of(embedded)
  const { accuracy } = evaluateClassification(embedded.logits, embedded.labels, data.labels, { bootstrapSamples: 0 })
  const judged = performance.now()
  const side = sideOf(settings, epoch)
  const times = progress.timed({ trained, judged })
  if (times !== null) timed.push({ side, ...times })
  return {
    epoch,
    side,
    loss: progress.loss,
    picturesPerSecond,
    seconds: progress.seconds(judged),
    val: { mAP10, accuracy },
  }
}

function timeLeft({ settings, data, timed }: Run, { epoch }: RunState): number | null {
  const toCome = Array.from({ length: settings.epochs - epoch }, (_, i) => ({ side: sideOf(settings, epoch + i) }))
  const fullSide = settings.preprocessing.inputSize
  const size = { pictures: data.train.length, judged: data.val.length, fullSide }
  const count = exportPasses(data, { report: settings.report, hasInstance: false })
  return secondsLeft(timed, toCome, size, { count })
}
