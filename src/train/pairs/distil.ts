/**
 * Distils several views of a picture into one: the embedding of the serving view is trained towards the mean embedding
 * of all views (after Hinton et al. 2015).
 */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** @param views [N, 1, 1, C] each → [N, D], the direction of the mean over views */
export function teacherOf(head: LayersModel, views: readonly tf.Tensor4D[]): tf.Tensor2D {
  return tf.tidy(() => {
    const sum = tf.addN(views.map((view) => (head.apply(view, { training: false }) as tf.Tensor[])[0]!))
    return tf.div(sum, tf.norm(sum, 2, 1, true)) as tf.Tensor2D
  })
}

/** Gradients of the mean of 1 − cos(embedding, target), by variable name. @param rows [N, 1, 1, C] @param targets [N, D], unit rows */
export function distillationGradients(
  head: LayersModel,
  rows: tf.Tensor4D,
  targets: tf.Tensor2D,
  variables: tf.Variable[],
): tf.NamedTensorMap {
  return tf.tidy(() => {
    const distance = () => {
      const [embedding] = head.apply(rows, { training: true }) as [tf.Tensor2D]
      return tf.sub(1, tf.mean(tf.sum(tf.mul(embedding, targets), 1))) as tf.Scalar
    }
    return tf.variableGrads(distance, variables).grads
  })
}
