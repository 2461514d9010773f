/** One training step: takes pictures and classes, updates the weights, returns the loss. */
import * as tf from '@tensorflow/tfjs-core'
import { batchLoss } from './fine-tuning/batch-loss.js'
import { type Mix, mixed } from './fine-tuning/mix.js'
import type { LossSettings } from './fine-tuning/settings.js'
import type { Taught } from './fine-tuning/teachers.js'
import { normalised } from './loader/normalise.js'
import type { Links } from './losses/linked-pairs.js'
import type { TrainableNetwork } from './models/network.js'
import type { AdamW } from './optimizer/adamw.js'

export interface StepInput {
  /** uint8 [N, side, side, 3] */
  pixels: Uint8Array
  side: number
  /** How the pictures are mixed in pairs. */
  mix?: Mix | null
}

export interface StepBatch {
  /** See `inputOf`. */
  input: tf.Tensor4D
  /** Class index of each picture. */
  classes: readonly number[]
  mix?: Mix | null
  /** What the teachers say about the input. */
  taught?: Taught | null
  /** Human judgements on pairs of them. */
  links?: Links | undefined
}

export interface WeightUpdate {
  optimizer: AdamW
  /** The variables that the optimiser updates. */
  variables: tf.Variable[]
  learningRate: number
}

/** What the network is shown: float32 [N, side, side, 3], normalised and mixed. The caller disposes of it. */
export function inputOf({ preprocessing }: TrainableNetwork, { pixels, side, mix = null }: StepInput): tf.Tensor4D {
  return tf.tidy(() => {
    const asLoaded = normalised(pixels, side, preprocessing)
    return mix === null ? asLoaded : mixed(asLoaded, mix)
  })
}

export function trainingStep(
  network: TrainableNetwork,
  { input, classes, mix = null, taught = null, links }: StepBatch,
  { optimizer, variables, learningRate }: WeightUpdate,
  losses: LossSettings,
): number {
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(
      () => batchLoss(network.model, input, { classes, mix, taught, links }, losses),
      variables,
    )
    optimizer.apply(grads, learningRate)
    return value.dataSync()[0]!
  })
}
