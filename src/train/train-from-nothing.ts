/** Training without starting weights: data, epochs, evaluation on val, export. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { evaluateClassification } from '../eval/classification.js'
import { evaluateRetrieval } from '../eval/quality.js'
import { seededRandom } from '../eval/random.js'
import { chooseBackend } from './backend.js'
import { loadCheckpoint, type RunState, saveCheckpoint } from './checkpoint.js'
import { embedImages } from './embed-images.js'
import { planEpoch, sideOf } from './epoch-plan.js'
import { exportAndReport } from './export-and-report.js'
import { Teachers } from './fine-tuning/teachers.js'
import { ImageLoader } from './loader/image-loader.js'
import { eraseSquares } from './loader/normalise.js'
import { type TrainableNetwork, trainableVariablesOf, variablesOf } from './models/network.js'
import { simpleCnn } from './models/simple-cnn.js'
import { AdamW } from './optimizer/adamw.js'
import { learningRateAt } from './optimizer/schedule.js'
import { WeightAverage } from './optimizer/weight-average.js'
import { EpochProgress, epochLine } from './progress.js'
import type { ModelMetrics } from './report/model-metrics.js'
import { exists } from './run-folder.js'
import { fingerprintOf, shapingSettings, type TrainSettings } from './settings.js'
import { epochWork, exportPasses, secondsLeft } from './time-left.js'
import { readTrainingData, type TrainingData } from './training-data.js'
import { trainingStep } from './training-step.js'

export interface Trained {
  /** The model folder; absent if the run was stopped early. */
  folder?: string
  /** Also absent if only the weights so far were exported. */
  metrics?: ModelMetrics
  state: RunState
}

/** The parts of a run. */
interface Run {
  settings: TrainSettings
  data: TrainingData
  loader: ImageLoader
  /** The network being trained; accepts squares of any side. */
  network: TrainableNetwork
  /** The moving average of its weights: the network that is evaluated and exported. */
  averaged: TrainableNetwork
  teachers: Teachers | null
  optimizer: AdamW
  backend: string
  log: (line: string) => void
  stop: AbortSignal
}

/**
 * @param stop ends the run after the current batch and saves a checkpoint to resume from
 * @throws AlikeError `data_unreadable`, `export_parity_failed`.
 */
export async function trainFromNothing(
  settings: TrainSettings,
  log: (line: string) => void,
  stop: AbortSignal,
): Promise<Trained> {
  const data = await readTrainingData(settings, log)
  const backend = await chooseBackend(settings.backend)
  log(`backend ${backend}`)
  log(
    `${data.labels.length} labels; pictures: train ${data.train.length}, val ${data.val.length}, test ${data.test.length}`,
  )

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
  const teachers =
    settings.teachers.length === 0 || settings.exportOnly ? null : await Teachers.read(settings.teachers, averaged)
  const loader = new ImageLoader(data.images)
  try {
    const run = { settings, data, loader, network, averaged, teachers, optimizer, backend, log, stop }
    const state = await runEpochs(run)
    if (state.epoch < settings.epochs && !settings.exportOnly) {
      log(`stopped in epoch ${state.epoch + 1}; go on with --resume`)
      return { state }
    }
    const facts = {
      startedFrom: 'random weights',
      backend,
      seed: settings.seed,
      epochs: settings.epochs,
      chosenEpoch: state.best === null ? null : state.best.epoch + 1,
    }
    const course = { seconds: state.secondsSpent, settings: shapingSettings(settings), history: state.history }
    return {
      state,
      ...(await exportAndReport({
        settings,
        data,
        loader,
        network: averaged,
        facts,
        course,
        useClassifier: true,
        report: settings.report,
        log,
      })),
    }
  } finally {
    await loader.close()
    teachers?.dispose()
    optimizer.dispose()
    for (const { model } of [network, averaged]) model.dispose()
  }
}

/**
 * Trains from the start or the checkpoint. If the run finishes, the averaged network then holds the weights of the best
 * epoch.
 */
async function runEpochs({
  settings,
  data,
  loader,
  network,
  averaged,
  teachers,
  optimizer,
  log,
  stop,
}: Run): Promise<RunState> {
  const { preprocessing, epochs } = settings
  const [weights, average, variables] = [variablesOf(network), variablesOf(averaged), trainableVariablesOf(network)]

  // position in the run
  const work = join(settings.work, settings.name)
  await mkdir(work, { recursive: true })
  const [checkpoint, bestFile] = [join(work, 'checkpoint.safetensors'), join(work, 'best.safetensors')]
  const fingerprint = fingerprintOf(settings, data.labels, data.images.length)
  const everything = { weights, average, moments: optimizer.moments }
  let state: RunState = { epoch: 0, batch: 0, optimizerStep: 0, best: null, history: [], secondsSpent: 0 }
  if ((settings.resume || settings.exportOnly) && (await exists(checkpoint))) {
    state = await loadCheckpoint(checkpoint, everything, fingerprint)
    optimizer.step = state.optimizerStep
    log(`resumed at epoch ${state.epoch + 1}, batch ${state.batch}`)
  }
  const following = new WeightAverage(average, weights)
  let lastSave = performance.now()
  const save = async (): Promise<void> => {
    following.write()
    await saveCheckpoint(checkpoint, everything, state, fingerprint)
    lastSave = performance.now()
  }

  // loop
  const batchesPerEpoch = planEpoch(data, settings, 0).batches.length
  const { peak, warmupEpochs } = settings.learningRate
  const schedule = { peak, warmupSteps: warmupEpochs * batchesPerEpoch, totalSteps: epochs * batchesPerEpoch }
  while (state.epoch < epochs && !settings.exportOnly) {
    const { epoch } = state
    const { side, batches } = planEpoch(data, settings, epoch)
    const progress = new EpochProgress(performance.now())
    const open = batches.slice(state.batch)
    for await (const pixels of loader.stream(open.map(({ request }) => request))) {
      // batches arrive as messages that Node handles back to back: without a pause no signal would be handled
      await setImmediate()
      const { classes, mix, links, eraseSeed } = batches[state.batch]!
      const share = settings.augmentation.eraseShare
      eraseSquares(pixels, { side, mean: preprocessing.mean, share, random: seededRandom(eraseSeed) })
      const learningRate = learningRateAt(optimizer.step, schedule)
      const loss = trainingStep(
        network,
        { pixels, side, classes, mix, links },
        { optimizer, variables, learningRate, teachers },
        settings,
      )
      following.follow(optimizer.step, settings.averageDecay)
      state.batch++
      state.optimizerStep = optimizer.step
      const line = progress.add(
        loss,
        classes.length,
        `epoch ${epoch + 1}/${epochs} batch ${state.batch}/${batches.length}`,
        performance.now(),
      )
      if (line !== null) log(line)
      if (stop.aborted || performance.now() - lastSave > settings.checkpointEverySeconds * 1000) await save()
      if (stop.aborted) return state
    }

    // evaluate on val
    const { picturesPerSecond } = progress.pace(performance.now())
    following.write()
    const embedded = await embedImages(averaged, loader, data.images, data.val)
    const mAP10 = evaluateRetrieval(embedded, embedded, { bootstrapSamples: 0 }).overall['mAP@10'] ?? null
    const { accuracy } = evaluateClassification(embedded.logits, embedded.labels, data.labels, { bootstrapSamples: 0 })
    const seconds = progress.seconds(performance.now())
    const record = { epoch, side, loss: progress.loss, picturesPerSecond, seconds, val: { mAP10, accuracy } }

    // checkpoint; the best epoch's averaged weights are the result
    const score = mAP10 ?? accuracy
    const isBest = state.best === null || score > state.best.score
    state = {
      ...state,
      epoch: epoch + 1,
      batch: 0,
      best: isBest ? { epoch, score } : state.best,
      history: [...state.history, record],
      secondsSpent: state.secondsSpent + seconds,
    }
    if (isBest) await saveCheckpoint(bestFile, { average }, state, fingerprint)
    await save()
    log(epochLine(record, state, { epochs, secondsLeft: timeLeft(settings, data, state) }))
  }
  following.dispose()
  if (state.best !== null) await loadCheckpoint(bestFile, { average }, fingerprint)
  return state
}

function timeLeft(settings: TrainSettings, data: TrainingData, { epoch, history }: RunState): number | null {
  const planned = (side: number) => ({
    side,
    work: epochWork(data.train.length, { side }, settings.preprocessing.inputSize),
  })
  const done = history.map(({ side, seconds }) => ({ ...planned(side), seconds }))
  const toCome = Array.from({ length: settings.epochs - epoch }, (_, i) => planned(sideOf(settings, epoch + i)))
  return secondsLeft(done, toCome, { count: exportPasses(data, settings.report) })
}
