/** The end of every run: exports the chosen network as a model folder and, unless disabled, writes its report. */
import { basename, join, resolve } from 'node:path'
import { recordOf } from '../datasets/split-record.js'
import { evaluateCopies } from '../eval/copies.js'
import type { RunState } from './checkpoint.js'
import { type EmbeddedImages, embedCopies, embedImages } from './embed-images.js'
import type { ImageLoader } from './loader/image-loader.js'
import { applyClassGain, chooseClassGain } from './models/class-gain.js'
import { chooseInstanceShare, choosePosterior, joinSettings } from './models/join-choice.js'
import { joinedRows, type PosteriorSettings, withJoinedEmbedding } from './models/joined-embedding.js'
import type { TrainableNetwork } from './models/network.js'
import { exportModel } from './onnx/export.js'
import { isRankable } from './rankable.js'
import type { ModelMetrics, TrainingFacts } from './report/model-metrics.js'
import { writeReport } from './report/write-report.js'
import { expectSameNetwork } from './run-folder.js'
import type { TrainingData } from './training-data.js'

export interface FinishedRun {
  settings: { data: string; out: string; name: string; dataLicence: string | null }
  data: TrainingData
  loader: ImageLoader
  /** With the weights chosen on val. */
  network: TrainableNetwork
  /** For manifest and report: starting point, backend, chosen epoch. */
  facts: Omit<TrainingFacts, 'seconds' | 'settings' | 'history'>
  course: Pick<TrainingFacts, 'seconds' | 'settings' | 'history'>
  /**
   * Whether the classifier may shape the embedding after training; not for a Siamese network, whose classifier does not
   * influence it.
   */
  useClassifier: boolean
  /** False skips the test pictures. */
  report: boolean
  /** Ends the report, not the export. */
  stop: AbortSignal
  /** Id of the network that the export replaces, if any; see `networkIn`. */
  networkBefore: unknown
  log: (line: string) => void
}

export interface ExportedRun {
  /** The model folder. */
  folder: string
  /** Whether val shows what a smaller precision loses, and every layer is ours: otherwise there can be none. */
  canQuantize: boolean
  /** Absent if there is no report. */
  metrics?: ModelMetrics
}

/** A run that ended; one that was stopped exported nothing. */
export type EndedRun = { state: RunState } & (ExportedRun | { folder?: undefined; metrics?: undefined })

/** Adds what the run came to. @param start `backend` is that of this process; a run keeps the one it was started with */
export function factsOf<Start extends Pick<TrainingFacts, 'startedFrom' | 'backend' | 'seed'>>(
  start: Start,
  state: RunState,
): Start & Pick<TrainingFacts, 'epochs' | 'chosenEpoch'> {
  return {
    ...start,
    backend: state.backend ?? start.backend,
    epochs: state.epoch,
    chosenEpoch: state.best === null ? null : state.best.epoch + 1,
  }
}

/** Pictures on which TensorFlow.js and ONNX Runtime must agree. */
const parityImages = 16

/** @throws AlikeError `export_parity_failed`, `run_exists`. */
export async function exportAndReport(run: FinishedRun): Promise<ExportedRun> {
  const { settings, data, loader, facts, course, report, stop, log } = run
  const embedding = await shapeEmbedding(run)

  const { preprocessing } = embedding.network
  const sample = await loader.load({ images: cycled(data.val, parityImages), preprocessing })
  const imageBytes = preprocessing.inputSize ** 2 * 3
  const split = await recordOf(data.images, data.learntFrom)
  const target = join(settings.out, settings.name)
  await expectSameNetwork(target, run.networkBefore)
  const { folder, manifest } = await exportModel(embedding.network, {
    folder: target,
    parityImages: Array.from({ length: parityImages }, (_, index) =>
      sample.subarray(index * imageBytes, (index + 1) * imageBytes),
    ),
    provenance: { ...facts, ...embedding.settings, splitSha256: split.sha256 },
    split: split.text,
    now: new Date(),
  })
  log(`exported ${folder}, model ${manifest.id}`)
  const canQuantize = isRankable(data.val.map((index) => data.images[index]!))
  const exported = { folder, canQuantize }
  if (!report || stop.aborted) return exported

  // the only evaluation on the test pictures
  const training = { ...facts, ...course, settings: { ...course.settings, ...embedding.settings } }
  const source = { name: basename(resolve(settings.data)), licence: settings.dataLicence }
  const reported = { folder, images: data.images, data: source, training, now: new Date() }
  const metrics = await writeReport({ ...reported, log, stop }).catch((cause: unknown) => {
    if (cause !== stop.reason) throw cause
  })
  return metrics === undefined ? exported : { ...exported, metrics }
}

/** Describes the joined embedding and how its settings were chosen, for manifest and report. */
interface ShapedEmbedding {
  network: TrainableNetwork
  settings: Record<string, unknown>
}

/** Applies the post-training changes to the embedding, chosen on val: see `class-gain.ts` and `joined-embedding.ts`. */
async function shapeEmbedding(run: FinishedRun): Promise<ShapedEmbedding> {
  const { network, useClassifier } = run
  if (!useClassifier && network.instanceDimension === 0) return { network, settings: {} }
  const { val, classGain, posterior } = useClassifier
    ? await shapeByClasses(run)
    : { val: await embedVal(run), classGain: 0, posterior: { share: 0, sharpness: 1 } }
  const { instanceShare, ...tried } =
    network.instanceDimension === 0 ? { instanceShare: 0 } : await chooseInstance(run, val, posterior)
  const settings = joinSettings(posterior, instanceShare)
  return { network: withJoinedEmbedding(network, settings), settings: { classGain, ...settings, ...tried } }
}

/** The share of the part that tells single pictures apart, from edited copies of val. */
async function chooseInstance({ network, data, log }: FinishedRun, val: EmbeddedImages, posterior: PosteriorSettings) {
  const pictures = data.val.map((index) => data.images[index]!)
  const embedded = await embedCopies(network, pictures)
  const { instanceShare, mAP10, copies, tried } = chooseInstanceShare(val, posterior, (settings) =>
    evaluateCopies(joinedRows(embedded, settings), joinedRows(val, settings)),
  )
  log(
    `part for single pictures with a share of ${instanceShare}: val mAP@10 ${shown(mAP10)}, first hit of an edited copy ${shown(copies)}`,
  )
  return { instanceShare, instanceSharesTried: tried }
}

/** Stretches the embedding along the classes, and chooses what the classifier's posterior adds to the score. */
async function shapeByClasses(run: FinishedRun) {
  const { network, log } = run
  const asTrained = await embedVal(run)
  const { gain, mAP10 } = await chooseClassGain(network, asTrained)
  log(`gain along the classes ${gain}: val mAP@10 ${shown(mAP10)}`)
  if (gain > 0) await applyClassGain(network, gain)
  const val = gain > 0 ? await embedVal(run) : asTrained
  const { mAP10: withPosterior, ...posterior } = choosePosterior(val)
  const { share, sharpness } = posterior
  log(`posterior with a share of ${share}, sharpness ${sharpness}: val mAP@10 ${shown(withPosterior)}`)
  return { val, classGain: gain, posterior }
}

const embedVal = ({ network, loader, data }: FinishedRun): Promise<EmbeddedImages> =>
  embedImages(network, loader, data.images, data.val)

const shown = (value: number | null): string => value?.toFixed(3) ?? 'unknown'

const cycled = <T>(items: readonly T[], count: number): T[] =>
  Array.from({ length: count }, (_, index) => items[index % items.length]!)
