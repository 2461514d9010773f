/** From starting weights to a network folder: cached maps, phases, evaluation on val, export. */
import { join } from 'node:path'
import { AlikeError } from '../../errors.js'
import { chooseBackend, describeBackend } from '../backend.js'
import type { RunState } from '../checkpoint.js'
import { type EndedRun, type ExportedRun, exportAndReport, factsOf } from '../export-and-report.js'
import { ImageLoader, loaderProcesses } from '../loader/image-loader.js'
import { variablesOf } from '../models/network.js'
import { microBatchHere } from '../models/pieces.js'
import { startingNetwork } from '../models/starting-network.js'
import { setConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { exportedLine, resumedLine } from '../progress.js'
import { expectReadable } from '../readable-pictures.js'
import { RunFiles } from '../run-files.js'
import { networkIn } from '../run-folder.js'
import { dataHash, logParts, readTrainingData } from '../training-data.js'
import { readStartingWeights } from '../weights/starting-weights.js'
import type { StartingWeights } from '../weights/weight-format.js'
import { type CachedMaps, cachedMaps } from './cached-maps.js'
import { runPhase } from './phase-run.js'
import { epochsOf, phaseOf } from './plan.js'
import type { Run } from './run.js'
import { type FineTuneSettings, fineTuneFingerprint, shapingFineTuneSettings } from './settings.js'
import { expectSameTeachers, openTeachers } from './teachers.js'

/**
 * @param stop ends the run after the current batch and saves a checkpoint to resume from
 * @throws AlikeError `weights_unreadable`, `dataset_unusable`, `export_parity_failed`.
 */
export async function fineTune(
  settings: FineTuneSettings,
  log: (line: string) => void,
  stop: AbortSignal,
): Promise<EndedRun> {
  const run = await openRun(settings, log, stop)
  try {
    const state = await runPhases(run)
    if (phaseOf(settings.phases, state.epoch) !== null && !settings.exportOnly) {
      log(`stopped in epoch ${state.epoch + 1}; go on with --resume`)
      return { state }
    }
    setConvolutionPrecision('float32')
    return { state, ...(await exportRun(run, state)) }
  } finally {
    await run.loader.close()
    await run.teachers?.close()
    await run.starting.encoder?.close()
    for (const { model } of [run.network, run.averaged]) model.dispose()
  }
}

/** @throws AlikeError `weights_unreadable`, `dataset_unusable` */
async function openRun(settings: FineTuneSettings, log: (line: string) => void, stop: AbortSignal): Promise<Run> {
  // before anything is read, because what another run writes meanwhile is not what this one may replace
  const networkBefore = await networkIn(join(settings.out, settings.name))
  const backend = await chooseBackend(settings.backend)
  const compute = setConvolutionPrecision(settings.compute)
  const starting = await startingWeightsOf(settings)
  const data = await readTrainingData(settings, log)
  log(
    `backend ${describeBackend(backend, settings.backend)}, convolutions in ${compute}; ${starting.description}, ${starting.sha256.slice(0, 12)}`,
  )
  logParts(data, log)

  const { name, head, seed, inputSize } = settings
  const shape = { name, labels: data.labels, head, seed, inputSize }
  const network = startingNetwork(starting, { ...shape, fixedSize: false })
  const averaged = startingNetwork(starting, shape)
  const microBatch = settings.microBatch === 'auto' ? microBatchHere() : settings.microBatch
  const teachers = await openTeachers(settings, averaged, microBatch, log)
  const loader = new ImageLoader(data.images, settings.loaders === 'auto' ? loaderProcesses() : settings.loaders)
  const networks = { starting, network, averaged, teachers, networkBefore }
  return { settings, data, loader, ...networks, microBatch, backend, compute, timed: [], log, stop }
}

/** @throws AlikeError `weights_unreadable` */
async function startingWeightsOf(settings: FineTuneSettings): Promise<StartingWeights> {
  const { init, initSha256, architecture } = settings
  const starting = await readStartingWeights(init, initSha256)
  if (starting.encoder !== undefined) expectHeadOnly(settings, starting)
  if (architecture === undefined || architecture === starting.architecture) return starting
  const detail = `${starting.file} is for ${starting.architecture}, not for ${architecture}.`
  throw new AlikeError('weights_unreadable', { detail })
}

/** An imported network is run as it is. @throws AlikeError `weights_unreadable` */
function expectHeadOnly(
  { phases, inputSize, head }: FineTuneSettings,
  { description, preprocessing }: StartingWeights,
): void {
  const problem = phases.some(({ trains }) => trains !== 'head')
    ? 'its layers cannot be trained, only a head on its vectors: --phases head:10'
    : inputSize !== undefined && inputSize !== preprocessing.inputSize
      ? `it takes pictures of ${preprocessing.inputSize} × ${preprocessing.inputSize} pixels: leave out --input-size`
      : head.pooling !== 'average'
        ? 'its vectors are not pooled: leave out --pooling'
        : undefined
  if (problem !== undefined) throw new AlikeError('weights_unreadable', { detail: `The ${description}: ${problem}.` })
}

/** Exports the averaged network in its final state. */
function exportRun(run: Run, state: RunState): Promise<ExportedRun> {
  const { settings, starting, averaged, backend, compute } = run
  const start = {
    startedFrom: `${starting.description}, file ${starting.file}, SHA-256 ${starting.sha256}`,
    backend,
    compute,
    phasesTrained: [...new Set(state.history.map(({ phase }) => phase))],
    seed: settings.seed,
  }
  return exportAndReport({
    ...run,
    network: averaged,
    facts: factsOf(start, state),
    course: { seconds: state.secondsSpent, settings: shapingFineTuneSettings(settings), history: state.history },
    useClassifier: settings.detachedClassifier !== true,
    report: settings.report,
  })
}

/**
 * Runs the phases from the start or the checkpoint. If the run finishes, the averaged network then holds the weights of
 * the best epoch.
 */
async function runPhases(run: Run): Promise<RunState> {
  const { settings, data, starting, averaged, stop, log } = run
  const fingerprint = fineTuneFingerprint(settings, starting.sha256, data.labels, dataHash(data))
  const files = await RunFiles.open(settings, fingerprint, log)
  const average = variablesOf(averaged)
  if (settings.exportOnly) {
    const state = await files.loadFinished(average)
    log(exportedLine(state))
    return state
  }
  let state = await whereItStands(run, files)
  const isNew = state.optimizerStep === 0
  if (isNew && !(await expectReadable({ ...run, preprocessing: averaged.preprocessing }))) return state
  const maps = await mapsFor(run, state)
  try {
    while (!stop.aborted && phaseOf(settings.phases, state.epoch) !== null)
      state = await runPhase({ run, files, maps }, state)
    const isFinished = phaseOf(settings.phases, state.epoch) === null
    if (isFinished && state.best !== null) await files.loadBest(average)
    return state
  } finally {
    await maps?.close()
  }
}

/**
 * Maps of the trunk, which has its starting weights until every layer is trained. The phases in which that happens come
 * last. @returns null if no phase to come needs them, or building them was stopped
 */
async function mapsFor(run: Run, { epoch }: RunState): Promise<CachedMaps | null> {
  const wanted = (phaseOf(run.settings.phases, epoch)?.phase.trains ?? 'all') !== 'all'
  return wanted ? cachedMaps({ ...run, weightsSha256: run.starting.sha256 }) : null
}

/**
 * The state of the checkpoint, whose weights the networks then have.
 * @throws AlikeError `run_differs`, also for other phases or teachers; `run_unreadable`
 */
async function whereItStands(
  { settings, network, averaged, backend, log, ...run }: Run,
  files: RunFiles,
): Promise<RunState> {
  const teachers = run.teachers?.ids ?? []
  if (!files.isContinued)
    return { epoch: 0, batch: 0, optimizerStep: 0, teachers, best: null, history: [], secondsSpent: 0, backend }
  const state = await files.load({ weights: variablesOf(network), average: variablesOf(averaged) })
  expectSamePhases(state, settings, network.preprocessing.inputSize)
  expectSameTeachers(state, teachers)
  log(resumedLine(state, epochsOf(settings.phases)))
  return state
}

/** @param fullSide side of the pictures in phases that state none @throws AlikeError `run_differs` */
function expectSamePhases({ history }: RunState, { phases }: FineTuneSettings, fullSide: number): void {
  for (const { epoch, phase, side } of history) {
    const planned = phaseOf(phases, epoch)?.phase
    if (planned !== undefined && planned.trains === phase && (planned.side ?? fullSide) === side) continue
    const trained = `Its epoch ${epoch + 1} trained ${phase} on pictures of side ${side}`
    const detail = `${trained}, and --phases does not: repeat the phases of the run, and append further ones.`
    throw new AlikeError('run_differs', { detail })
  }
}
