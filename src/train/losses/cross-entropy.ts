/** Classification loss. */
import * as tf from '@tensorflow/tfjs-core'

/** 1 − smoothing on the true class plus smoothing / C on every class (Szegedy et al. 2016). @param classes int32 [N] → [N, C] */
export function smoothedTargets(classes: tf.Tensor1D, count: number, smoothing: number): tf.Tensor2D {
  return tf.tidy(() => tf.add(tf.mul(tf.oneHot(classes, count), 1 - smoothing), smoothing / count) as tf.Tensor2D)
}

/** Mean over the batch of −Σ_c q_c log p_c. @param logits [N, C] @param targets q [N, C], rows of sum 1 */
export function softCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1))) as tf.Scalar)
}
