/** Adds int8 and fp16 to the folder of an exported network: computed, checked on val, then written. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type SplitImage, shuffled } from '../../../datasets/split.js'
import { replaceFile } from '../../../durable-files.js'
import { type Model, type ModelManifest, readModel } from '../../../embedding/model-manifest.js'
import { AlikeError } from '../../../errors.js'
import { calibrate } from '../../../eval/calibration.js'
import { seededRandom } from '../../../eval/random.js'
import type { ScoreCalibration } from '../../../eval/score-calibration.js'
import { editedCopiesOf } from '../../edited-copies.js'
import { writeGolden } from '../../golden/write-golden.js'
import { isRankable } from '../../rankable.js'
import { preparePicture } from '../../report/embed-exported.js'
import { rewriteCard } from '../../report/write-report.js'
import { importedArchitecture } from '../../weights/weight-format.js'
import { openOnnx } from '../onnx-session.js'
import { type FloatGraph, readFloatGraph } from './float-graph.js'
import { makePrecisions, type SmallerPrecision } from './make-precisions.js'
import { gatePrecision, judgedEmbeddings, type PrecisionBounds, type PrecisionGate } from './precision-gate.js'

export interface AddPrecisionsOptions {
  /** Folder written by `exportModel`. */
  folder: string
  precisions: readonly SmallerPrecision[]
  /** Calibrated on train, evaluated on val; test is not used. */
  images: readonly SplitImage[]
  /** The pictures have no labels: embeddings and nearest pictures are compared instead of the quality of rankings. */
  unlabelled?: boolean | undefined
  /** Pictures used to determine ranges; half as many choose between the range methods. Default 64. */
  calibrationImages?: number | undefined
  /** For int8. Default 2.5 for ResNet-50, 1.2 for imported networks, and 1 for the others, which have less to gain. */
  minSpeedup?: number | undefined
  log?: (line: string) => void
}

interface ProvenPrecision {
  bytes: Uint8Array
  provenance: PrecisionGate & Record<string, unknown>
}

const timedImages = 16

/**
 * Where a folder holds only what it serves, int8 is made from the fp16 file.
 * @returns the new manifest
 * @throws AlikeError `model_unreadable`, `dataset_unusable`; `precision_gate_failed` if any precision fails: those that
 * pass are written first.
 */
export async function addPrecisions(options: AddPrecisionsOptions): Promise<ModelManifest> {
  const model = await readModel(options.folder)
  const { good, failures, calibration } = await provePrecisions(model, options)
  const manifest = { ...withPrecisions(model.manifest, good), ...(calibration !== null && { calibration }) }
  if (good.size > 0) await writePrecisions(model, manifest, good)
  if (failures.length === 0) return manifest
  const written = good.size === 0 ? 'Nothing' : [...good.keys()].join()
  throw new AlikeError('precision_gate_failed', { detail: `${failures.join('; ')}. ${written} was written.` })
}

type GoodPrecisions = ReadonlyMap<SmallerPrecision, ProvenPrecision>

async function writePrecisions(
  { folder, manifest: before, absent = [] }: Model,
  manifest: ModelManifest,
  good: GoodPrecisions,
): Promise<void> {
  // interrupted, by a full disk for example, the folder still holds a network: without the precisions being replaced
  await writeManifest(folder, without(before, good))
  for (const [precision, { bytes }] of good) await replaceFile(join(folder, fileOf(precision)), bytes)
  await writeGolden({
    folder,
    manifest,
    absent: absent.filter((precision) => !good.has(precision as SmallerPrecision)),
  })
  await writeManifest(folder, manifest)
  await rewriteCard(folder, manifest)
}

interface Outcome {
  good: GoodPrecisions
  /** Why the others are not. */
  failures: readonly string[]
  calibration: ScoreCalibration | null
}

async function provePrecisions(model: Model, options: AddPrecisionsOptions): Promise<Outcome> {
  const { manifest } = model
  const { log = () => {} } = options
  const { source, graph, bytes } = await floatGraph(model, options.precisions)
  const val = options.images.filter(({ split }) => split === 'val')
  if (options.unlabelled !== true) expectRelevant(val)
  const pictures = await trainingPixels(model, options)
  const fp32 = await openOnnx(bytes)
  try {
    const good = new Map<SmallerPrecision, ProvenPrecision>()
    // before the embeddings, which take longest: of some networks there is nothing to make
    const { made, failures } = await makePrecisions(options.precisions, { model, graph, fp32, ...pictures, log })
    if (made.size === 0) return { good, failures, calibration: null }
    const embedding = `embedding ${val.length} val pictures and ${editedCopiesOf(val.length)} edited copies in`
    log(`${embedding} fp32${source === 'fp16' ? ' (weights of fp16)' : ''}`)
    const expected = await judgedEmbeddings(model, bytes, val)
    for (const [name, { bytes: smallerBytes, ...calibration }] of made) {
      log(`${embedding} ${name}`)
      const [bounds, timed] = [boundsOf(name, manifest, options), pictures.choose.slice(0, timedImages)]
      const gate = await gatePrecision({ model, fp32, graph: smallerBytes, val, expected, bounds, timed })
      log(gateLine(name, gate))
      if (gate.failures.length === 0)
        good.set(name, { bytes: smallerBytes, provenance: { ...gate, ...calibration, source } })
      failures.push(...gate.failures.map((failure) => `${name}: ${failure}`))
    }
    // the report already calibrates; an export without a report is calibrated here
    const calibration = options.unlabelled === true ? null : calibrate(expected.val)
    return { good, failures, calibration: manifest.calibration ?? calibration }
  } finally {
    await fp32.close()
  }
}

/** What the precisions are made from. */
async function floatGraph(model: Model, wanted: readonly SmallerPrecision[]): Promise<FloatGraph> {
  const { fp32, fp16 } = model.manifest.files
  const found = await readFloatGraph(model)
  if (found === undefined) throw unreadable(`There is neither ${fp32.file} nor fp16 to make a precision from.`)
  if (found.source === 'fp16' && wanted.includes('fp16'))
    throw unreadable(`fp16 is made from ${fp32.file}, which is missing; --precisions int8 reads ${fp16!.file}.`)
  return found
}

function unreadable(detail: string): AlikeError {
  return new AlikeError('model_unreadable', { detail })
}

function expectRelevant(val: readonly SplitImage[]): void {
  if (isRankable(val)) return
  throw new AlikeError('dataset_unusable', {
    detail: 'No two val pictures share a label, not counting copies, so a loss of mAP@10 cannot be measured.',
  })
}

function gateLine(name: SmallerPrecision, gate: PrecisionGate): string {
  const { mAP10, overlapAt10, fp32, copies, meanCosine, minCosine, speedup, bounds } = gate
  const ranking =
    mAP10 === undefined
      ? `overlap@10 ${overlapAt10.toFixed(4)}, mean cosine ${meanCosine.toFixed(5)}`
      : `mAP@10 ${mAP10.toFixed(4)} (fp32 ${fp32.mAP10!.toFixed(4)})`
  const speed = bounds.minSpeedup === undefined ? '' : `, ${speedup.toFixed(2)} times as fast`
  return `${name}: ${ranking}, first hit of an edited copy ${copies.toFixed(4)} (${fp32.copies.toFixed(4)}), smallest cosine ${minCosine.toFixed(5)}${speed}`
}

/** A CPU computes fp16 in float32, so only the effect of rounded weights is measured here, not the speed. */
function boundsOf(
  precision: SmallerPrecision,
  { architecture }: ModelManifest,
  { minSpeedup, unlabelled = false }: AddPrecisionsOptions,
): PrecisionBounds {
  if (precision === 'fp16') {
    const ranking = unlabelled ? { minOverlapAt10: 0.97 } : { maxLoss: 0.001 }
    return { ...ranking, maxCopiesLoss: 0.01, minCosine: 0.999 }
  }
  const ranking = unlabelled ? { minOverlapAt10: 0.85, minMeanCosine: 0.99 } : { maxLoss: 0.005 }
  return { ...ranking, maxCopiesLoss: 0.01, minCosine: 0.9, minSpeedup: minSpeedup ?? leastSpeedup(architecture) }
}

function leastSpeedup(architecture: string): number {
  if (architecture.startsWith('resnet50')) return 2.5
  return architecture === importedArchitecture ? 1.2 : 1
}

async function trainingPixels(
  { manifest: { preprocessing } }: Model,
  { images, calibrationImages = 64 }: AddPrecisionsOptions,
) {
  const train = shuffled(
    images.filter(({ split }) => split === 'train'),
    seededRandom(1),
  )
  const wanted = train.slice(0, Math.ceil(calibrationImages * 1.5))
  if (wanted.length < 3)
    throw new AlikeError('dataset_unusable', {
      detail: 'There are not enough train pictures to determine 8-bit ranges.',
    })
  const pixels: Uint8Array[] = []
  for (const image of wanted) pixels.push(...(await preparePicture(image, { preprocessing })).views)
  const count = Math.ceil((wanted.length * 2) / 3)
  return { rangeImages: pixels.slice(0, count), choose: pixels.slice(count) }
}

function withPrecisions(manifest: ModelManifest, proven: GoodPrecisions): ModelManifest {
  const precisions = [...proven]
  const files = precisions.map(([precision, { bytes }]) => [
    precision,
    { file: fileOf(precision), sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length },
  ])
  const provenances = Object.fromEntries(precisions.map(([precision, { provenance }]) => [precision, provenance]))
  return {
    ...manifest,
    files: { ...manifest.files, ...Object.fromEntries(files) },
    provenance: {
      ...manifest.provenance,
      precisions: { ...(manifest.provenance.precisions as object | undefined), ...provenances },
    },
  }
}

function without(manifest: ModelManifest, proven: ReadonlyMap<SmallerPrecision, unknown>): ModelManifest {
  const files = { ...manifest.files }
  for (const precision of proven.keys()) delete files[precision]
  return { ...manifest, files }
}

function writeManifest(folder: string, manifest: ModelManifest): Promise<void> {
  return replaceFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

function fileOf(precision: SmallerPrecision): string {
  return `model.${precision}.onnx`
}
