/** Gradients of one batch, for the end of a network from cached maps and for the whole of it within bounded memory. */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { supervisedContrastive } from '../losses/contrastive.js'
import { smoothedCrossEntropy } from '../losses/cross-entropy.js'
import { pairContrastive } from '../losses/pair-contrastive.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { LossSettings } from './settings.js'

export interface StepResult {
  loss: number
  /** By variable name; the caller disposes of them. */
  gradients: tf.NamedTensorMap
}

/** Cross-entropy plus what else is weighed in. */
function lossOf(tail: LayersModel, maps: tf.Tensor, classes: tf.Tensor1D, { labelSmoothing, contrastive, pairs, detachedClassifier }: LossSettings): tf.Scalar {
  const [embedding, attached] = tail.apply(maps, { training: true }) as [tf.Tensor2D, tf.Tensor2D]
  const logits = detachedClassifier === true ? (tail.getLayer('logits').apply(withoutGradient(embedding)) as tf.Tensor2D) : attached
  const terms: tf.Tensor[] = [smoothedCrossEntropy(logits, classes, labelSmoothing)]
  if (contrastive.weight > 0) terms.push(tf.mul(supervisedContrastive(embedding, classes, contrastive.temperature), contrastive.weight))
  if (pairs !== undefined) terms.push(tf.mul(pairContrastive(embedding, classes, pairs), pairs.weight))
  return tf.addN(terms) as tf.Scalar
}

const withoutGradient = (x: tf.Tensor2D): tf.Tensor2D => tf.customGrad((value) => ({ value: tf.clone(value as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) }))(x) as tf.Tensor2D

/**
 * @param maps [N, H, W, C], output of the trunk
 * @param variables those to move; gradients of others are not computed
 */
export function tailStep(tail: LayersModel, maps: tf.Tensor, classes: readonly number[], variables: tf.Variable[], losses: LossSettings): StepResult {
  return tf.tidy(() => {
    const truth = tf.tensor1d([...classes], 'int32')
    const { value, grads } = tf.variableGrads(() => lossOf(tail, maps, truth, losses), variables)
    return { loss: value.dataSync()[0]!, gradients: grads }
  })
}

export interface WholeStepOptions {
  /** Of the whole network. */
  variables: { trunk: tf.Variable[]; tail: tf.Variable[] }
  losses: LossSettings
  microBatch: number
}

/**
 * All layers at the batch size of the losses, holding the trunk's inner maps only for a few pictures at a time:
 * the trunk runs once without a tape, the tail gives the gradient of its map, and the trunk runs again in pieces to
 * take that gradient down. One more forward pass of the trunk buys a memory that does not grow with the batch.
 * Batch-norm in the trunk keeps its statistics: those of a piece would differ from the batch's.
 * @param input [N, S, S, 3], normalised
 */
export function wholeStep({ trunk, tail }: StagedNetwork, input: tf.Tensor4D, classes: readonly number[], { variables, losses, microBatch }: WholeStepOptions): StepResult {
  return tf.tidy(() => {
    const count = input.shape[0]
    const pieces = Array.from({ length: Math.ceil(count / microBatch) }, (_, piece) => ({ start: piece * microBatch, size: Math.min(microBatch, count - piece * microBatch) }))
    const pieceOf = <T extends tf.Tensor>(tensor: T, { start, size }: { start: number; size: number }): T => tf.slice(tensor, start, size) as T
    const maps = tf.concat(pieces.map((piece) => tf.tidy(() => trunk.apply(pieceOf(input, piece), { training: false }) as tf.Tensor)))

    const middle = tf.variable(maps)
    const { loss, gradients } = tailStep(tail, middle, classes, [...variables.tail, middle], losses)
    const { [middle.name]: slope, ...tailGradients } = gradients
    middle.dispose()

    let trunkGradients: tf.NamedTensorMap | undefined
    for (const piece of pieces) {
      const sum: tf.NamedTensorMap | undefined = trunkGradients
      trunkGradients = tf.tidy(() => {
        const given = pieceOf(slope!, piece)
        // its gradient is that of the loss, by the chain rule
        const { grads } = tf.variableGrads(() => tf.sum(tf.mul(trunk.apply(pieceOf(input, piece), { training: false }) as tf.Tensor, given)) as tf.Scalar, variables.trunk)
        return sum === undefined ? grads : Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.add(sum[name]!, gradient)]))
      })
      tf.dispose(sum ?? [])
    }
    return { loss, gradients: { ...tailGradients, ...trunkGradients } }
  })
}
