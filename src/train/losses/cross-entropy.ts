/** Classification loss. */
import * as tf from '@tensorflow/tfjs-core'

/**
 * Mean over the batch of −Σ_c q_c log p_c, with q = 1 − smoothing on the true class plus
 * smoothing / C on every class (Szegedy et al. 2016).
 * @param logits [N, C] @param classes int32 [N]
 */
export function smoothedCrossEntropy(logits: tf.Tensor2D, classes: tf.Tensor1D, smoothing: number): tf.Scalar {
  return tf.tidy(() => {
    const count = logits.shape[1]
    const target = tf.add(tf.mul(tf.oneHot(classes, count), 1 - smoothing), smoothing / count)
    return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits)), 1))) as tf.Scalar
  })
}
