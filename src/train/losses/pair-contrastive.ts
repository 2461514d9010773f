/**
 * The Siamese loss (Hadsell et al. 2006) over every pair of a batch: one forward pass per picture, one distance matrix.
 */
import * as tf from '@tensorflow/tfjs-core'
import { positivePairs } from './contrastive.js'

export interface PairLossSettings {
  /**
   * Euclidean distance beyond which two pictures with different labels are far enough; unit vectors are at most 2
   * apart.
   */
  margin: number
  /** Weight of a pair with different labels relative to one with the same label. */
  negativeWeight: number
  /**
   * `all-pairs`: one mean over all pairs, in which those with different labels also dominate by number. `each-kind`:
   * separate means, so that only `negativeWeight` balances them.
   */
  mean: 'all-pairs' | 'each-kind'
}

/**
 * d² for a pair with the same label, max(0, margin − d)² for a pair with different labels.
 * @param embeddings [N, D], unit rows
 * @param classes int32 [N]
 */
export function pairContrastive(
  embeddings: tf.Tensor2D,
  classes: tf.Tensor1D,
  { margin, negativeWeight, mean }: PairLossSettings,
): tf.Scalar {
  return tf.tidy(() => {
    const count = classes.shape[0]
    const positives = positivePairs(classes)
    const negatives = tf.sub(tf.sub(1, tf.eye(count)), positives)
    // for unit vectors; kept above 0, where the square root has no derivative
    const squared = tf.maximum(tf.sub(2, tf.mul(tf.matMul(embeddings, embeddings, false, true), 2)), 1e-6)
    const pulls = tf.sum(tf.mul(positives, squared))
    const pushes = tf.mul(
      tf.sum(tf.mul(negatives, tf.square(tf.relu(tf.sub(margin, tf.sqrt(squared)))))),
      negativeWeight,
    )
    if (mean === 'all-pairs') return tf.div(tf.add(pulls, pushes), count * (count - 1)) as tf.Scalar
    return tf.add(
      tf.div(pulls, tf.maximum(tf.sum(positives), 1)),
      tf.div(pushes, tf.maximum(tf.sum(negatives), 1)),
    ) as tf.Scalar
  })
}
