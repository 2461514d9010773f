/**
 * Stretches embeddings along the directions that separate the trained classes, before they are scaled to unit length.
 * After training, an embedding contains much that no class uses and that blurs the ranking. The stretch is linear, so
 * it folds into the last dense layer at no cost; a finite gain keeps the other directions, which classes unseen in
 * training need.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { LabelledEmbeddings } from '../../eval/ranking.js'
import type { TrainableNetwork } from './network.js'
import { bestOf, mAP10Of } from './val-choice.js'

/** Candidate gains; 0 leaves the embedding as trained. */
const gains = [0, 0.5, 1, 2, 4, 8]

/**
 * The gain with the best mAP@10; 0 if that is unknown, because no two pictures share a label.
 * @param val embeddings of validation pictures by this network
 */
export async function chooseClassGain(
  network: TrainableNetwork,
  val: LabelledEmbeddings,
): Promise<{ gain: number; mAP10: number | null }> {
  const projector = await classProjector(network)
  const scored = gains.map((gain) => {
    const embeddings = stretched(val.embeddings, projector, val.dimension, gain)
    const rows = { ...val, embeddings }
    return { gain, mAP10: mAP10Of(rows) }
  })
  return bestOf(scored)
}

/**
 * Folds the stretch I + gain·P into the network's layers `embed` (dense, no bias) and `embed_norm`. Both are linear at
 * inference, x·W·s + b with s = γ/σ and b = β − μ·s, so W' = W·s·(I + gain·P), b' = b·(I + gain·P).
 */
export async function applyClassGain(network: TrainableNetwork, gain: number): Promise<void> {
  const projector = await classProjector(network)
  const norm = network.model.getLayer('embed_norm')
  const dense = network.model.getLayer('embed')
  const epsilon = norm.getConfig()['epsilon'] as number
  tf.tidy(() => {
    const [kernel] = dense.getWeights() as [tf.Tensor2D]
    const [gamma, beta, mean, variance] = norm.getWeights() as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D]
    const stretch = tf.add(tf.eye(projector.length), tf.mul(tf.tensor2d(projector), gain)) as tf.Tensor2D
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)))
    const offset = tf.expandDims(tf.sub(beta, tf.mul(mean, scale)), 0) as tf.Tensor2D
    dense.setWeights([tf.matMul(tf.mul(kernel, scale) as tf.Tensor2D, stretch)])
    norm.setWeights([
      tf.onesLike(gamma),
      tf.reshape(tf.matMul(offset, stretch), beta.shape),
      tf.zerosLike(mean),
      tf.fill(variance.shape, 1 - epsilon),
    ])
  })
}

/**
 * [D, D]: the projector onto the span of the class directions (the columns of the classifier's kernel), by
 * Gram–Schmidt.
 */
async function classProjector({ model, embeddingDimension: dimension, labels }: TrainableNetwork): Promise<number[][]> {
  const kernel = await model.getLayer('logits').getWeights()[0]!.data()
  const basis: number[][] = []
  for (let label = 0; label < labels.length; label++) {
    let direction = Array.from({ length: dimension }, (_, row) => kernel[row * labels.length + label]!)
    const length = Math.hypot(...direction)
    for (const done of basis) {
      const share = dot(direction, done)
      direction = direction.map((value, row) => value - share * done[row]!)
    }
    const rest = Math.hypot(...direction)
    // a direction already in the span of the others would add only rounding errors
    if (rest > 1e-3 * length) basis.push(direction.map((value) => value / rest))
  }
  return Array.from({ length: dimension }, (_, i) =>
    Array.from({ length: dimension }, (_, j) => basis.reduce((sum, axis) => sum + axis[i]! * axis[j]!, 0)),
  )
}

/** Rows x → (x + gain·x·P), scaled to unit length. */
function stretched(rows: Float32Array, projector: readonly number[][], dimension: number, gain: number): Float32Array {
  const result = new Float32Array(rows.length)
  for (let start = 0; start < rows.length; start += dimension) {
    const row = Array.from(rows.subarray(start, start + dimension))
    const moved = row.map((value, i) => value + gain * dot(row, projector[i]!))
    const length = Math.hypot(...moved)
    result.set(
      moved.map((value) => value / length),
      start,
    )
  }
  return result
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0)
}
