/** The Siamese loss (Hadsell et al. 2006) over every pair of a batch: one forward per picture, one matrix of distances. */
import * as tf from '@tensorflow/tfjs-core'
import { positivePairs } from './contrastive.js'

export interface PairLossSettings {
  /** Euclidean distance beyond which two pictures of different labels are far enough; unit vectors are at most 2 apart. */
  margin: number
  /** What a pair of two labels weighs against one of a single label. */
  negativeWeight: number
  /**
   * `all-pairs`: one mean over all pairs, in which those of two labels outweigh the others by their number too.
   * `each-kind`: the mean of each kind, so that only `negativeWeight` decides between them.
   */
  mean: 'all-pairs' | 'each-kind'
}

/**
 * d² for a pair of one label, max(0, margin − d)² for a pair of two.
 * @param embeddings [N, D], unit rows @param classes int32 [N]
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
    // of unit vectors; kept from 0, where the root has no slope
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
