/** The model's output for one picture, extracted from that of its batch. */
import { dot } from '../cosine.js'
import type { RunResult } from './worker-protocol.js'

export interface Embedding {
  /** [embeddingDimension], unit length */
  vector: Float32Array
  /** [labels] */
  logits: Float32Array
  /** From `embed` until a worker took the picture. */
  queueMs: number
  /** From then until the result was back on the main thread. */
  embedMs: number
  /** Pictures in the same run, including this one. */
  batchSize: number
}

/**
 * Row `row` of a batch, copied, so that one retained vector does not keep the whole batch in memory.
 * @returns undefined if the vector is not of unit length: it must never reach an index
 */
export function rowOf(
  result: Pick<RunResult, 'embeddings' | 'logits'>,
  row: number,
  batchSize: number,
): Pick<Embedding, 'vector' | 'logits'> | undefined {
  const dimension = result.embeddings.length / batchSize
  const classes = result.logits.length / batchSize
  const vector = result.embeddings.slice(row * dimension, (row + 1) * dimension)
  if (!isUnit(vector)) return undefined
  return { vector, logits: result.logits.slice(row * classes, (row + 1) * classes) }
}

/** fp16 and int8 graphs normalise with lower precision, hence the tolerance; NaN fails the comparison. */
function isUnit(vector: Float32Array): boolean {
  return Math.abs(dot(vector, vector, 0) - 1) < 0.02
}
