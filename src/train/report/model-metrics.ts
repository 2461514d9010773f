/** `metrics.json`: every quality number of an exported network, measured on the files that are served. */

import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { SplitImage } from '../../datasets/split.js'
import { type Model, readModel } from '../../embedding/model-manifest.js'
import { calibrate, calibrationError } from '../../eval/calibration.js'
import { evaluateClassification } from '../../eval/classification.js'
import { type CopyQuality, evaluateCopies } from '../../eval/copies.js'
import { evaluateRetrieval, type QualityNumbers } from '../../eval/quality.js'
import type { ScoreCalibration } from '../../eval/score-calibration.js'
import { type OnnxSession, openOnnx } from '../onnx/onnx-session.js'
import { type Cost, measureCost } from './cost.js'
import { type DataFacts, type DataSource, describeData } from './data-facts.js'
import { type ExportedEmbeddings, embedExported, embedExportedCopies } from './embed-exported.js'
import { type JudgedModel, judgeExported } from './judge-exported.js'
import {
  isPublishedData,
  type PublishedBaseline,
  publishedWithoutQuery,
  publishedWithQuery,
} from './published-baseline.js'

/** Known only to the training run. */
export interface TrainingFacts {
  /** The starting point: `random weights`, or a file of weights with its origin. */
  startedFrom: string
  /** TensorFlow.js backend, with its version if it has one. */
  backend: string
  seed: number
  epochs: number
  /** Epoch chosen on val, counted from 1; null if there was no choice. */
  chosenEpoch: number | null
  /** Time spent in the training loop, including resumed parts. */
  seconds: number
  settings: Record<string, unknown>
  /** One entry per epoch: loss, values on val, speed. */
  history: readonly unknown[]
}

export interface ModelMetrics extends JudgedModel {
  metricsVersion: 1
  model: { id: string; name: string; architecture: string; embeddingDimension: number; inputSize: number }
  measuredAt: string
  published: { withQuery: PublishedBaseline; withoutQuery: PublishedBaseline } | null
  data: DataFacts
  training: TrainingFacts
  exportParity: unknown
  /**
   * Fitted on pairs of val pictures; `testError` is its expected calibration error on pairs of test pictures. Absent
   * without pairs of both kinds.
   */
  calibration?: { fitted: ScoreCalibration; testError: number | null }
  /**
   * Protocol A with the embeddings of several views of each picture averaged, as with the service's `QUERY_VIEWS` and
   * `GALLERY_VIEWS`, and the accuracy of their averaged logits (absent in metrics of older runs); null without test
   * pictures of the trained classes.
   */
  manyViews: { views: number; A: QualityNumbers; accuracy?: number | undefined } | null
  /**
   * Edited copies of test pictures, each searched among all test pictures; null without test pictures. Absent in
   * metrics of older runs.
   */
  copies?: CopyQuality | null | undefined
  cost: Cost
  evaluationSeconds: number
  versions: Record<string, string>
}

export interface EvaluateOptions {
  /** Folder written by `exportModel`. */
  folder: string
  images: readonly SplitImage[]
  data: DataSource
  training: TrainingFacts
  now: Date
  log?: (line: string) => void
  stop?: AbortSignal | undefined
}

const manyViews = 4

/** @throws AlikeError `model_unreadable`, `dataset_unusable`; the reason of `stop` once it is aborted */
export async function evaluateExported(options: EvaluateOptions): Promise<ModelMetrics> {
  const started = performance.now()
  const { folder, images, training, log = () => {} } = options
  const model = await readModel(folder)
  const { id, name, architecture, embeddingDimension, preprocessing, provenance } = model.manifest
  const modelFile = join(folder, model.manifest.files.fp32.file)

  const test = images.filter(({ split }) => split === 'test')
  const others = images.filter(({ split }) => split !== 'test')
  const session = await openOnnx(modelFile, { threads: availableParallelism(), stop: options.stop })
  const { queries, gallery, averaged, copies } = await embedAll(model, session, { test, others }, log).finally(() =>
    session.close(),
  )
  const contentHashes = new Map(
    [queries, gallery].flatMap(({ ids, contentHashes: hashes }) =>
      ids.map((id, i): [string, string] => [id, hashes[i]!]),
    ),
  )
  const data = describeData(images, contentHashes, options.data)
  const single = await openOnnx(modelFile)
  const cost = await measureCost(model, single, test.length > 0 ? test : others)
  await single.close()
  return {
    metricsVersion: 1,
    model: { id, name, architecture, embeddingDimension, inputSize: preprocessing.inputSize },
    measuredAt: options.now.toISOString(),
    ...judgeExported(model.manifest.labels, queries, gallery, training.seed),
    published: isPublishedData(data) ? { withQuery: publishedWithQuery, withoutQuery: publishedWithoutQuery } : null,
    data,
    training,
    exportParity: provenance['exportParity'] ?? null,
    ...calibrateOnVal(gallery, others, queries),
    manyViews: averaged && {
      views: manyViews,
      A: evaluateRetrieval(averaged, averaged, { bootstrapSamples: 0 }).overall,
      accuracy: evaluateClassification(averaged.logits, averaged.labels, model.manifest.labels, { bootstrapSamples: 0 })
        .accuracy,
    },
    copies: copies && evaluateCopies(copies, queries),
    cost,
    evaluationSeconds: (performance.now() - started) / 1000,
    versions: await readVersions(),
  }
}

async function embedAll(
  model: Model,
  session: OnnxSession,
  { test, others }: { test: readonly SplitImage[]; others: readonly SplitImage[] },
  log: (line: string) => void,
) {
  log(`embedding ${test.length} test pictures with the exported network`)
  const queries = await embedExported(model, session, test)
  log(`embedding ${others.length} pictures of train and val`)
  const gallery = await embedExported(model, session, others)
  log(`embedding the test pictures again, ${manyViews} views each`)
  const trained = new Set(model.manifest.labels)
  const known = test.filter(({ label }) => trained.has(label))
  const averaged = known.length > 0 ? await embedExported(model, session, known, manyViews) : null
  log('embedding edited copies of test pictures')
  const copies = test.length > 0 ? await embedExportedCopies(model, session, test) : null
  return { queries, gallery, averaged, copies }
}

/** @param pictures of `gallery`, in its order */
function calibrateOnVal(
  gallery: ExportedEmbeddings,
  images: readonly SplitImage[],
  test: ExportedEmbeddings,
): Pick<ModelMetrics, 'calibration'> {
  const isVal = new Set(images.flatMap(({ split }, row) => (split === 'val' ? [row] : [])))
  const fitted = calibrate(gallery, isVal)
  return fitted === null ? {} : { calibration: { fitted, testError: calibrationError(fitted.curve, test) } }
}

const ourPackage = new URL('../../../../package.json', import.meta.url)

/** Versions are pinned exactly, so package.json states which ones ran. */
async function readVersions(): Promise<Record<string, string>> {
  const {
    version,
    dependencies = {},
    devDependencies = {},
  } = JSON.parse(await readFile(ourPackage, 'utf8')) as {
    version: string
    dependencies?: Record<string, string>
    devDependencies?: Record<string, string>
  }
  const packages = { ...dependencies, ...devDependencies }
  const named = ['onnxruntime-node', 'sharp', '@tensorflow/tfjs-core'].map((name) => [
    name,
    packages[name] ?? 'unknown',
  ])
  return { alike: version, node: process.versions.node, ...Object.fromEntries(named) }
}
