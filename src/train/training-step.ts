/** One step: pixels and classes in, weights moved, loss out. */
import * as tf from '@tensorflow/tfjs-core'
import { normalised } from './loader/normalise.js'
import { supervisedContrastive } from './losses/contrastive.js'
import { smoothedCrossEntropy } from './losses/cross-entropy.js'
import { forward, type TrainableNetwork } from './models/network.js'
import type { AdamW } from './optimizer/adamw.js'

export interface StepSettings {
  labelSmoothing: number
  contrastive: { weight: number; temperature: number }
}

/**
 * @param pixels uint8 [N, side, side, 3] @param classes index of each picture's label
 * @param variables those that the optimiser moves
 */
export function trainingStep(
  network: TrainableNetwork,
  { pixels, side, classes }: { pixels: Uint8Array; side: number; classes: readonly number[] },
  { optimizer, variables, learningRate }: { optimizer: AdamW; variables: tf.Variable[]; learningRate: number },
  { labelSmoothing, contrastive }: StepSettings,
): number {
  return tf.tidy(() => {
    const input = normalised(pixels, side, network.preprocessing)
    const truth = tf.tensor1d([...classes], 'int32')
    const { value, grads } = tf.variableGrads(() => {
      const [embedding, logits] = forward(network, input, true)
      const contrast = tf.mul(supervisedContrastive(embedding, truth, contrastive.temperature), contrastive.weight)
      return tf.add(smoothedCrossEntropy(logits, truth, labelSmoothing), contrast) as tf.Scalar
    }, variables)
    optimizer.apply(grads, learningRate)
    return value.dataSync()[0]!
  })
}
