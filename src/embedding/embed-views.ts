/** Several views of one picture → one unit vector: the direction of their mean. */
import { allOrNone } from './all-or-none.js'
import type { Embedder, EmbedOptions } from './embedder.js'
import type { Embedding } from './embedding.js'

/**
 * @param views each [inputSize, inputSize, 3] RGB, at least one; they run together if the batcher has room
 * @returns times of the slowest view, mean logits
 * @throws AlikeError as `Embedder.embed`
 */
export async function embedViews(
  embedder: Embedder,
  views: readonly Uint8Array[],
  { signal, ...options }: EmbedOptions = {},
): Promise<Embedding> {
  const embeddings = await allOrNone(views, signal, (pixels, stop) =>
    embedder.embed(pixels, { ...options, together: views.length, signal: stop }),
  )
  if (embeddings.length === 1) return embeddings[0]!
  const slowest = (key: 'queueMs' | 'embedMs' | 'batchSize') =>
    Math.max(...embeddings.map((embedding) => embedding[key]))
  return {
    vector: meanDirection(embeddings.map(({ vector }) => vector)),
    logits: mean(embeddings.map(({ logits }) => logits)),
    queueMs: slowest('queueMs'),
    embedMs: slowest('embedMs'),
    batchSize: slowest('batchSize'),
  }
}

/**
 * @param vectors of unit length, at least one
 * @returns their normalised mean; the first one if they cancel out
 */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!
  const sum = mean(vectors)
  const length = Math.hypot(...sum)
  return length > 1e-6 ? sum.map((value) => value / length) : vectors[0]!
}

function mean(rows: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(rows[0]!.length)
  for (const row of rows) for (let i = 0; i < sum.length; i++) sum[i]! += row[i]!
  return Float32Array.from(sum, (value) => value / rows.length)
}
