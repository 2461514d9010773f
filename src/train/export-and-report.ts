/** The end of every run: the chosen network as a model folder and, unless it is an early one, its report. */
import { basename, join, resolve } from 'node:path'
import { embedPictures } from './embed-pictures.js'
import type { PictureLoader } from './loader/picture-loader.js'
import { applyClassGain, chooseClassGain } from './models/class-gain.js'
import type { TrainableNetwork } from './models/network.js'
import { exportModel } from './onnx/export.js'
import type { ModelMetrics, TrainingFacts } from './report/model-metrics.js'
import { writeReport } from './report/write-report.js'
import type { TrainingData } from './training-data.js'

export interface FinishedRun {
  settings: { data: string; out: string; name: string; dataLicence: string | null }
  data: TrainingData
  loader: PictureLoader
  /** With the weights that were chosen on val. */
  network: TrainableNetwork
  /** Into manifest and report: where it started, how it was computed, which epoch was chosen. */
  facts: Omit<TrainingFacts, 'seconds' | 'settings' | 'history'>
  course: Pick<TrainingFacts, 'seconds' | 'settings' | 'history'>
  /** False leaves the test pictures alone. */
  report: boolean
  log: (line: string) => void
}

/** Pictures that TensorFlow.js and ONNX Runtime must agree on. */
const parityPictures = 16

/** @throws AlikeError `export_parity_failed`. */
export async function exportAndReport({ settings, data, loader, network, facts, course, report, log }: FinishedRun): Promise<{ folder: string; metrics?: ModelMetrics }> {
  const chosen = await chooseClassGain(network, await embedPictures(network, loader, data.pictures, data.val))
  await applyClassGain(network, chosen.gain)
  log(`gain along the classes ${chosen.gain}: val mAP@10 ${chosen.mAP10.toFixed(3)}`)

  const { preprocessing } = network
  const sample = await loader.load({ pictures: cycled(data.val, parityPictures), preprocessing })
  const pictureBytes = preprocessing.inputSize ** 2 * 3
  const { folder, manifest } = await exportModel(network, {
    folder: join(settings.out, settings.name),
    parityPictures: Array.from({ length: parityPictures }, (_, index) => sample.subarray(index * pictureBytes, (index + 1) * pictureBytes)),
    provenance: { ...facts, classGain: chosen.gain },
    now: new Date(),
  })
  log(`exported ${folder}, model ${manifest.id}`)
  if (!report) return { folder }

  // here, once, the test pictures are looked at
  const training = { ...facts, ...course, settings: { ...course.settings, classGain: chosen.gain } }
  const source = { name: basename(resolve(settings.data)), licence: settings.dataLicence }
  return { folder, metrics: await writeReport({ folder, pictures: data.pictures, data: source, training, now: new Date(), log }) }
}

const cycled = <T>(items: readonly T[], count: number): T[] => Array.from({ length: count }, (_, index) => items[index % items.length]!)
