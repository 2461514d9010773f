/** Losses over all pairs of a batch, from one cosine matrix. */
import * as tf from '@tensorflow/tfjs-core'

/** 1 where two different pictures share a label. @param classes int32 [N] → float32 [N, N] */
export function positivePairs(classes: tf.Tensor1D): tf.Tensor2D {
  const same = tf.cast(tf.equal(tf.expandDims(classes, 1), tf.expandDims(classes, 0)), 'float32')
  return tf.sub(same, tf.eye(classes.shape[0])) as tf.Tensor2D
}

/**
 * Supervised contrastive loss, L_out of Khosla et al. 2020: the mean, over pictures with at least one partner, of −mean
 * over partners of log (exp(s/T) / Σ exp(s/T) over all others).
 * @param embeddings [N, D], unit rows
 * @param classes int32 [N]
 */
export function supervisedContrastive(embeddings: tf.Tensor2D, classes: tf.Tensor1D, temperature: number): tf.Scalar {
  return tf.tidy(() => {
    const positives = positivePairs(classes)
    // −1e9 on the diagonal excludes the picture itself from the softmax
    const self = tf.mul(tf.eye(classes.shape[0]), -1e9)
    const logProbability = tf.logSoftmax(
      tf.add(tf.div(tf.matMul(embeddings, embeddings, false, true), temperature), self) as tf.Tensor2D,
    )
    const partners = tf.sum(positives, 1)
    const perImage = tf.div(tf.sum(tf.mul(positives, logProbability), 1), tf.maximum(partners, 1))
    const withPartner = tf.sum(tf.cast(tf.greater(partners, 0), 'float32'))
    return tf.neg(tf.div(tf.sum(perImage), tf.maximum(withPartner, 1))) as tf.Scalar
  })
}
