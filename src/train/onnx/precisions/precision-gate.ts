/** Decides whether a smaller precision of a network is good enough to serve. */
import { availableParallelism } from 'node:os'
import type { SplitImage } from '../../../datasets/split.js'
import type { Model } from '../../../embedding/model-manifest.js'
import { AlikeError } from '../../../errors.js'
import { type EditedCopies, evaluateCopies, meanFirstHit } from '../../../eval/copies.js'
import { evaluateRetrieval } from '../../../eval/quality.js'
import { RankedGallery, scoreRows } from '../../../eval/ranking.js'
import { editedCopiesOf } from '../../edited-copies.js'
import { type ExportedEmbeddings, embedExported, embedExportedCopies } from '../../report/embed-exported.js'
import { type OnnxSession, openOnnx } from '../onnx-session.js'
import { mapDifference, parityBounds } from '../parity.js'

/** Requirements for a precision. */
export interface PrecisionBounds {
  /** Loss of mAP@10 on val against fp32; absent if the pictures have no labels. */
  maxLoss?: number
  /** Without labels: see `PrecisionGate.overlapAt10`. */
  minOverlapAt10?: number
  /** Mean over pictures of the cosine below. */
  minMeanCosine?: number
  /** Loss, against fp32, of the share of edited copies on val that find their original first; one copy may always be lost. */
  maxCopiesLoss: number
  /** Cosine between the embeddings of one picture in fp32 and in this precision. */
  minCosine: number
  /** Speed relative to fp32 on one core; absent if it is served on other hardware than it is checked on. */
  minSpeedup?: number
}

/** The measurements; stored in the manifest. */
export interface PrecisionGate {
  /** Number of val pictures compared. */
  pictures: number
  /** Absent if the pictures have no labels. */
  mAP10?: number | undefined
  /** Mean share of a picture's ten nearest in fp32 among the others that are its ten nearest in this precision too. */
  overlapAt10: number
  /** Share of edited copies of val pictures whose first hit is their original. */
  copies: number
  fp32: { mAP10?: number | undefined; copies: number; cpuMs: number }
  minCosine: number
  meanCosine: number
  /** CPU time per picture on one thread, milliseconds; unaffected by other work on the machine. */
  cpuMs: number
  speedup: number
  /** Largest difference between the map summed over its places and the embedding; absent if the graph has no map. */
  maxMapDifference?: number | undefined
  bounds: PrecisionBounds
  /** Violated requirements; empty if the precision may be served. */
  failures: string[]
}

/** The embeddings by which a precision is evaluated. */
export interface JudgedEmbeddings {
  val: ExportedEmbeddings
  copies: EditedCopies
}

export interface GateParts {
  model: Model
  /** Opened with one thread. */
  fp32: OnnxSession
  graph: Uint8Array
  val: readonly SplitImage[]
  /** In fp32. */
  expected: JudgedEmbeddings
  bounds: PrecisionBounds
  /** Pictures for timing, each [size, size, 3]. */
  timed: readonly Uint8Array[]
}

export async function gatePrecision({
  model,
  fp32,
  graph,
  val,
  expected,
  bounds,
  timed,
}: GateParts): Promise<PrecisionGate> {
  const found = await judgedEmbeddings(model, graph, val)
  const cosines = cosinesOf(expected.val, found.val)
  const hasLabels = bounds.maxLoss !== undefined
  const { inputSize } = model.manifest.preprocessing
  const single = await openOnnx(graph)
  const [fp32Ms, graphMs] = await cpuTimes([fp32, single], timed, inputSize)
  await single.close()
  const measured = {
    pictures: val.length,
    ...(hasLabels && { mAP10: mAP10Of(found.val) }),
    overlapAt10: overlapOf(expected.val, found.val),
    copies: copiesOf(found),
    fp32: { ...(hasLabels && { mAP10: mAP10Of(expected.val) }), copies: copiesOf(expected), cpuMs: fp32Ms! },
    minCosine: Math.min(...cosines),
    meanCosine: cosines.reduce((sum, value) => sum + value, 0) / cosines.length,
    cpuMs: graphMs!,
    speedup: fp32Ms! / graphMs!,
    maxMapDifference: await largestMapDifference(graph, timed, inputSize),
    bounds,
  }
  return { ...measured, failures: failuresOf(measured) }
}

/**
 * Embeds `val` and edited copies of it on every core: ONNX Runtime gives the same numbers with any number of threads.
 */
export async function judgedEmbeddings(
  model: Model,
  graph: Uint8Array,
  val: readonly SplitImage[],
): Promise<JudgedEmbeddings> {
  const session = await openOnnx(graph, { threads: availableParallelism() })
  try {
    return { val: await embedExported(model, session, val), copies: await embedExportedCopies(model, session, val) }
  } finally {
    await session.close()
  }
}

/** A precision that a network cannot have. */
export function impossible(precision: 'int8' | 'fp16', reason: string): AlikeError {
  return new AlikeError('precision_gate_failed', { detail: `${precision} cannot be made of it: ${reason}` })
}

/** Written so that NaN fails. */
export function failuresOf({
  pictures,
  mAP10 = NaN,
  overlapAt10,
  copies,
  fp32,
  minCosine,
  meanCosine,
  speedup,
  maxMapDifference,
  bounds,
}: Omit<PrecisionGate, 'failures'>): string[] {
  const { mAP10: exact = NaN } = fp32
  const failures: string[] = []
  if (bounds.maxLoss !== undefined && !(exact - mAP10 <= bounds.maxLoss))
    failures.push(
      `it loses ${(exact - mAP10).toFixed(4)} of mAP@10 (${exact.toFixed(4)} in fp32), at most ${bounds.maxLoss} is allowed`,
    )
  if (bounds.minOverlapAt10 !== undefined && !(overlapAt10 >= bounds.minOverlapAt10))
    failures.push(
      `of ten nearest pictures ${(10 * overlapAt10).toFixed(1)} are those of fp32, at least ${10 * bounds.minOverlapAt10} are needed`,
    )
  if (bounds.minMeanCosine !== undefined && !(meanCosine >= bounds.minMeanCosine))
    failures.push(`its mean cosine to fp32 is ${meanCosine.toFixed(5)}, at least ${bounds.minMeanCosine} is needed`)
  const copiesLoss = fp32.copies - copies
  // one copy of few is chance: the two first hits may be equally near
  const allowedCopiesLoss = Math.max(bounds.maxCopiesLoss, 1.5 / editedCopiesOf(pictures))
  if (!(copiesLoss <= allowedCopiesLoss))
    failures.push(
      `it finds ${copiesLoss.toFixed(4)} fewer of the edited copies (${fp32.copies.toFixed(4)} in fp32), at most ${allowedCopiesLoss.toFixed(4)} is allowed`,
    )
  if (!(minCosine >= bounds.minCosine))
    failures.push(`its smallest cosine to fp32 is ${minCosine.toFixed(5)}, at least ${bounds.minCosine} is needed`)
  if (bounds.minSpeedup !== undefined && !(speedup >= bounds.minSpeedup))
    failures.push(`it is ${speedup.toFixed(2)} times as fast as fp32, at least ${bounds.minSpeedup} is needed`)
  if (maxMapDifference !== undefined && !(maxMapDifference < parityBounds.maxMapDifference))
    failures.push(
      `its map sums to the embedding only within ${maxMapDifference}, less than ${parityBounds.maxMapDifference} is needed`,
    )
  return failures
}

async function largestMapDifference(
  graph: Uint8Array,
  images: readonly Uint8Array[],
  size: number,
): Promise<number | undefined> {
  const session = await openOnnx(graph, { map: true })
  const differences: number[] = []
  for (const image of images) {
    const { map, embedding } = await session.run(image, size)
    if (map !== undefined) differences.push(mapDifference(map, embedding, embedding.length))
  }
  await session.close()
  return differences.length === 0 ? undefined : Math.max(...differences)
}

function mAP10Of(images: ExportedEmbeddings): number {
  return evaluateRetrieval(images, images, { bootstrapSamples: 0 }).overall['mAP@10'] ?? NaN
}

function overlapOf(exact: ExportedEmbeddings, found: ExportedEmbeddings): number {
  const galleries = [exact, found].map((images) => ({ images, gallery: new RankedGallery(images) }))
  let [shown, both] = [0, 0]
  for (let query = 0; query < exact.ids.length; query++) {
    const [a, b] = galleries.map(({ images, gallery }) =>
      gallery.rank(images, query, { excludeOwnGroup: true }).subarray(0, 10),
    )
    shown += a!.length
    for (const position of a!) if (b!.includes(position)) both++
  }
  return both / shown
}

function copiesOf({ val, copies }: JudgedEmbeddings): number {
  return meanFirstHit(evaluateCopies(copies, val)) ?? NaN
}

/** Row by row; rows have unit length. */
export function cosinesOf(
  a: { embeddings: Float32Array; dimension: number },
  b: { embeddings: Float32Array },
): number[] {
  const score = new Float32Array(1)
  return Array.from({ length: a.embeddings.length / a.dimension }, (_, row) => {
    const cut = (all: Float32Array) => all.subarray(row * a.dimension, (row + 1) * a.dimension)
    scoreRows(cut(a.embeddings), cut(b.embeddings), score)
    return score[0]!
  })
}

/** Median CPU milliseconds per picture; the sessions alternate, so that a slow moment affects all of them. */
export async function cpuTimes(
  sessions: readonly OnnxSession[],
  images: readonly Uint8Array[],
  size: number,
): Promise<number[]> {
  const times = sessions.map((): number[] => [])
  for (const image of images) {
    for (const [i, session] of sessions.entries()) {
      // evicts the other session's weights from the caches first, as in a service that runs only this one
      await session.run(image, size)
      const before = process.cpuUsage()
      await session.run(image, size)
      const { user, system } = process.cpuUsage(before)
      times[i]!.push((user + system) / 1000)
    }
  }
  return times.map((values) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN)
}
