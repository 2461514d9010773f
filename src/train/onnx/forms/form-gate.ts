/** Is a smaller form of a network good enough to be served in its place? */
import type { SplitPicture } from '../../../datasets/split.js'
import type { Model } from '../../../embedding/manifest.js'
import { evaluateRetrieval } from '../../../eval/quality.js'
import { scoreRows } from '../../../eval/ranking.js'
import { embedExported, type ExportedEmbeddings } from '../../report/embed-exported.js'
import type { OnnxSession } from '../onnx-session.js'

/** What a form must keep to. */
export interface FormBounds {
  /** Of mAP@10 on val, against fp32. */
  maxLoss: number
  /** Between the embeddings of one picture in fp32 and in this form. */
  minCosine: number
  /** Times faster than fp32 on one core; absent where it is served on other hardware than it is checked on. */
  minSpeedup?: number
}

/** What was measured; kept in the manifest. */
export interface FormGate {
  /** Val pictures compared. */
  pictures: number
  mAP10: number
  fp32: { mAP10: number; cpuMs: number }
  minCosine: number
  meanCosine: number
  /** CPU time of one picture on one thread, milliseconds: other work on the machine does not count. */
  cpuMs: number
  speedup: number
  bounds: FormBounds
  /** What does not keep to the bounds; empty when the form may be served. */
  failures: string[]
}

export interface GateParts {
  model: Model
  /** Both with one thread. */
  fp32: OnnxSession
  form: OnnxSession
  val: readonly SplitPicture[]
  /** Of `val` in fp32. */
  expected: ExportedEmbeddings
  bounds: FormBounds
  /** Pictures to time, each [size, size, 3]. */
  timed: readonly Uint8Array[]
}

export async function gateForm({ model, fp32, form, val, expected, bounds, timed }: GateParts): Promise<FormGate> {
  const found = await embedExported(model, form, val)
  const cosines = cosinesOf(expected, found)
  const { inputSize } = model.manifest.preprocessing
  const [fp32Ms, formMs] = await cpuTimes([fp32, form], timed, inputSize)
  const measured = {
    pictures: val.length,
    mAP10: mAP10Of(found),
    fp32: { mAP10: mAP10Of(expected), cpuMs: fp32Ms! },
    minCosine: Math.min(...cosines),
    meanCosine: cosines.reduce((sum, value) => sum + value, 0) / cosines.length,
    cpuMs: formMs!,
    speedup: fp32Ms! / formMs!,
    bounds,
  }
  return { ...measured, failures: failuresOf(measured) }
}

/** Written so that NaN fails. */
function failuresOf({ mAP10, fp32, minCosine, speedup, bounds }: Omit<FormGate, 'failures'>): string[] {
  const loss = fp32.mAP10 - mAP10
  const failures: string[] = []
  if (!(loss <= bounds.maxLoss)) failures.push(`it loses ${loss.toFixed(4)} of mAP@10 (${fp32.mAP10.toFixed(4)} in fp32), at most ${bounds.maxLoss} is allowed`)
  if (!(minCosine >= bounds.minCosine)) failures.push(`its smallest cosine to fp32 is ${minCosine.toFixed(5)}, at least ${bounds.minCosine} is needed`)
  if (bounds.minSpeedup !== undefined && !(speedup >= bounds.minSpeedup)) failures.push(`it is ${speedup.toFixed(2)} times as fast as fp32, at least ${bounds.minSpeedup} is needed`)
  return failures
}

function mAP10Of(pictures: ExportedEmbeddings): number {
  return evaluateRetrieval(pictures, pictures, { bootstrapSamples: 0 }).overall['mAP@10'] ?? NaN
}

/** Row by row; rows are of unit length. */
export function cosinesOf(a: { embeddings: Float32Array; dimension: number }, b: { embeddings: Float32Array }): number[] {
  const score = new Float32Array(1)
  return Array.from({ length: a.embeddings.length / a.dimension }, (_, row) => {
    const cut = (all: Float32Array) => all.subarray(row * a.dimension, (row + 1) * a.dimension)
    scoreRows(cut(a.embeddings), cut(b.embeddings), score)
    return score[0]!
  })
}

/** Median milliseconds of processor per picture; the sessions take turns, so that a slow moment of the machine meets all. */
async function cpuTimes(sessions: readonly OnnxSession[], pictures: readonly Uint8Array[], size: number): Promise<number[]> {
  const times = sessions.map((): number[] => [])
  for (const picture of pictures) {
    for (const [i, session] of sessions.entries()) {
      // the other session's weights leave the caches first, as in a service that runs only this one
      await session.run(picture, size)
      const before = process.cpuUsage()
      await session.run(picture, size)
      const { user, system } = process.cpuUsage(before)
      times[i]!.push((user + system) / 1000)
    }
  }
  return times.map((values) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN)
}
