/** Gradients of one batch, for the end of a network from cached maps and for the whole of it. */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { StagedNetwork } from '../models/staged-network.js'
import { type BatchTruth, batchLoss } from './batch-loss.js'
import type { LossSettings } from './settings.js'

/** The caller disposes of both. Reading the loss waits until the device has computed it. */
export type StepResult = {
  loss: tf.Scalar
  /** By variable name. */
  gradients: tf.NamedTensorMap
}

export interface TailStepOptions {
  /** Those to move; gradients of others are not computed. */
  variables: tf.Variable[]
  losses: LossSettings
}

/** @param maps [N, H, W, C], output of the trunk */
export function tailStep(
  tail: LayersModel,
  maps: tf.Tensor,
  truth: BatchTruth,
  { variables, losses }: TailStepOptions,
): StepResult {
  return tf.tidy(() => gradientsOf(() => batchLoss(tail, maps, truth, losses), variables))
}

export interface WholeStepOptions {
  /** Of the whole network. */
  variables: { trunk: tf.Variable[]; tail: tf.Variable[] }
  losses: LossSettings
  /** Pictures that the trunk takes at once; as many as there are, or more, take one pass. */
  microBatch: number
}

/**
 * All layers, in one pass where the device holds the maps of the whole batch.
 * Batch-norm in the trunk keeps its statistics: those of a piece would differ from the batch's.
 * @param input [N, S, S, 3], normalised
 */
export function wholeStep(
  network: StagedNetwork,
  input: tf.Tensor4D,
  truth: BatchTruth,
  options: WholeStepOptions,
): StepResult {
  if (input.shape[0] > options.microBatch) return stepInPieces(network, input, truth, options)
  const { trunk, tail } = network
  const { variables, losses } = options
  return tf.tidy(() =>
    gradientsOf(
      () => batchLoss(tail, trunk.apply(input, { training: false }) as tf.Tensor, truth, losses),
      [...variables.trunk, ...variables.tail],
    ),
  )
}

/**
 * Holds the trunk's inner maps only for a few pictures at a time: the trunk runs once without a tape, the tail gives the
 * gradient of its map, and the trunk runs again in pieces to take that gradient down. One more forward pass of the trunk
 * buys a memory that does not grow with the batch.
 */
function stepInPieces(
  { trunk, tail }: StagedNetwork,
  input: tf.Tensor4D,
  truth: BatchTruth,
  { variables, losses, microBatch }: WholeStepOptions,
): StepResult {
  return tf.tidy(() => {
    const count = input.shape[0]
    const pieces = Array.from({ length: Math.ceil(count / microBatch) }, (_, piece) => ({
      start: piece * microBatch,
      size: Math.min(microBatch, count - piece * microBatch),
    }))
    const pieceOf = <T extends tf.Tensor>(tensor: T, { start, size }: { start: number; size: number }): T =>
      tf.slice(tensor, start, size) as T
    const maps = tf.concat(
      pieces.map((piece) => tf.tidy(() => trunk.apply(pieceOf(input, piece), { training: false }) as tf.Tensor)),
    )

    const middle = tf.variable(maps)
    const { loss, gradients } = tailStep(tail, middle, truth, { variables: [...variables.tail, middle], losses })
    const { [middle.name]: slope, ...tailGradients } = gradients
    middle.dispose()

    let trunkGradients: tf.NamedTensorMap | undefined
    for (const piece of pieces) {
      const sum: tf.NamedTensorMap | undefined = trunkGradients
      trunkGradients = tf.tidy(() => {
        const given = pieceOf(slope!, piece)
        // its gradient is that of the loss, by the chain rule
        const { gradients: grads } = gradientsOf(
          () =>
            tf.sum(tf.mul(trunk.apply(pieceOf(input, piece), { training: false }) as tf.Tensor, given)) as tf.Scalar,
          variables.trunk,
        )
        return sum === undefined
          ? grads
          : Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.add(sum[name]!, gradient)]))
      })
      tf.dispose(sum ?? [])
    }
    return { loss, gradients: { ...tailGradients, ...trunkGradients } }
  })
}

/** Of the variables that the loss depends on; the others have none. */
function gradientsOf(lossOf: () => tf.Scalar, variables: tf.Variable[]): StepResult {
  const { value, grads } = tf.variableGrads(lossOf, variables)
  return { loss: value, gradients: grads }
}
