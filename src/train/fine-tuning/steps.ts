/** Gradients of one batch, for the tail of a network from cached maps or for the whole network. */
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { inPieces, piecesOf, rowsOf } from '../models/pieces.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { type BatchTruth, batchLoss } from './batch-loss.js'
import type { LossSettings } from './settings.js'

/** The caller disposes of both. Reading the loss waits for the device. */
export type StepResult = {
  loss: tf.Scalar
  /** Keyed by variable name. */
  gradients: tf.NamedTensorMap
}

export interface TailStepOptions {
  /** The variables to train; no other gradients are computed. */
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
  /** Variables of the whole network. */
  variables: { trunk: tf.Variable[]; tail: tf.Variable[] }
  losses: LossSettings
  /** Pictures per pass through the trunk; if not below the batch size, one pass is used. */
  microBatch: number
}

/**
 * A step over all layers, in one pass if the device can hold the maps of the whole batch. Batch-norm in the trunk uses
 * its stored statistics, because those of a piece would differ from the batch's.
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
 * Keeps the trunk's inner maps for only a few pictures at a time: the trunk first runs without a tape, the tail
 * computes the gradient with respect to its input map, and the trunk then runs again in pieces to propagate that
 * gradient. One more forward pass of the trunk makes memory independent of the batch size.
 */
function stepInPieces(
  { trunk, tail }: StagedNetwork,
  input: tf.Tensor4D,
  truth: BatchTruth,
  { variables, losses, microBatch }: WholeStepOptions,
): StepResult {
  return tf.tidy(() => {
    const [maps] = inPieces(input, microBatch, (rows) => [trunk.apply(rows, { training: false }) as tf.Tensor])
    const middle = tf.variable(maps)
    const { loss, gradients } = tailStep(tail, middle, truth, { variables: [...variables.tail, middle], losses })
    const { [middle.name]: slope, ...tailGradients } = gradients
    middle.dispose()

    let trunkGradients: tf.NamedTensorMap | undefined
    for (const piece of piecesOf(input.shape[0], microBatch)) {
      const sum: tf.NamedTensorMap | undefined = trunkGradients
      trunkGradients = tf.tidy(() => {
        const slopeOfPiece = rowsOf(slope!, piece)
        // by the chain rule, its gradient equals that of the loss
        const { gradients: grads } = gradientsOf(
          () =>
            tf.sum(
              tf.mul(trunk.apply(rowsOf(input, piece), { training: false }) as tf.Tensor, slopeOfPiece),
            ) as tf.Scalar,
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

/** Gradients of the variables on which the loss depends; the others have none. */
function gradientsOf(lossOf: () => tf.Scalar, variables: tf.Variable[]): StepResult {
  const { value, grads } = tf.variableGrads(lossOf, variables)
  return { loss: value, gradients: grads }
}
