/** Loss term for human judgements of single pairs of pictures: some belong together, others do not. */
import * as tf from '@tensorflow/tfjs-core'

/** Pairs of rows of a batch. */
export interface Links {
  /** Pairs that must be near each other. */
  must: readonly (readonly [number, number])[]
  /** Pairs that must not. */
  cannot: readonly (readonly [number, number])[]
}

export interface LinkSettings {
  weight: number
  /** Euclidean distance beyond which a "cannot" pair is far enough; unit vectors are at most 2 apart. */
  margin: number
}

export const defaultLinks: LinkSettings = { weight: 1, margin: 1.4 }

/**
 * Mean d² of the "must" pairs, plus mean max(0, margin − d)² of the "cannot" pairs (Hadsell et al. 2006).
 * @param embeddings [N, D], unit rows
 */
export function linkedPairs(embeddings: tf.Tensor2D, { must, cannot }: Links, margin: number): tf.Scalar {
  return tf.tidy(() => {
    const terms: tf.Tensor[] = [tf.scalar(0)]
    if (must.length > 0) terms.push(tf.mean(squaredDistances(embeddings, must)))
    if (cannot.length > 0)
      terms.push(tf.mean(tf.square(tf.relu(tf.sub(margin, tf.sqrt(squaredDistances(embeddings, cannot)))))))
    return tf.addN(terms) as tf.Scalar
  })
}

/**
 * For unit vectors; kept above 0, where the square root has no derivative. Rows are chosen by a product, because the WASM
 * backend lacks the gradient of a look-up.
 */
function squaredDistances(embeddings: tf.Tensor2D, pairs: Links['must']): tf.Tensor {
  const side = (index: 0 | 1) => {
    const rows = tf.tensor1d(
      pairs.map((pair) => pair[index]),
      'int32',
    )
    return tf.matMul(tf.cast(tf.oneHot(rows, embeddings.shape[0]), 'float32') as tf.Tensor2D, embeddings)
  }
  return tf.maximum(tf.sub(2, tf.mul(tf.sum(tf.mul(side(0), side(1)), 1), 2)), 1e-6)
}
