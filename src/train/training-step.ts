/** One training step: takes pixels and classes, updates the weights, returns the loss. */
import * as tf from '@tensorflow/tfjs-core'
import { batchLoss } from './fine-tuning/batch-loss.js'
import { type Mix, mixed } from './fine-tuning/mix.js'
import type { LossSettings } from './fine-tuning/settings.js'
import type { Taught } from './fine-tuning/teachers.js'
import { normalised } from './loader/normalise.js'
import type { Links } from './losses/linked-pairs.js'
import type { TrainableNetwork } from './models/network.js'
import type { AdamW } from './optimizer/adamw.js'

export interface StepBatch {
  /** uint8 [N, side, side, 3] */
  pixels: Uint8Array
  side: number
  /** Class index of each picture. */
  classes: readonly number[]
  /** How the pictures are mixed in pairs. */
  mix?: Mix | null
  /** Human judgements on pairs of them. */
  links?: Links | undefined
}

export interface StepMeans {
  optimizer: AdamW
  /** The variables that the optimiser updates. */
  variables: tf.Variable[]
  learningRate: number
  /** What the teachers say about the input. */
  teach?: ((input: tf.Tensor4D) => Taught) | null
}

export function trainingStep(
  network: TrainableNetwork,
  { pixels, side, classes, mix = null, links }: StepBatch,
  { optimizer, variables, learningRate, teach = null }: StepMeans,
  losses: LossSettings,
): number {
  return tf.tidy(() => {
    const asLoaded = normalised(pixels, side, network.preprocessing)
    const input = mix === null ? asLoaded : mixed(asLoaded, mix)
    const taught = teach?.(input) ?? null
    const { value, grads } = tf.variableGrads(
      () => batchLoss(network.model, input, { classes, mix, taught, links }, losses),
      variables,
    )
    optimizer.apply(grads, learningRate)
    return value.dataSync()[0]!
  })
}
