/** The interface of every architecture to the training loop, the exporter and the report. */
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { normalised } from '../loader/normalise.js'

/** An imported network, which turns pictures into vectors. It is never trained. */
export interface Encoder {
  /** Length of a vector. */
  dimension: number
  /** @param pixels uint8 [N, S, S, 3] @returns [N, 1, 1, D]: a map with one place; the caller disposes of it */
  rows(pixels: Uint8Array): Promise<tf.Tensor4D>
  /** Its ONNX file. */
  read(): Promise<Buffer>
  /** Measured; undefined before the first rows. */
  readonly secondsPerPicture: number | undefined
  close(): Promise<void>
}

export interface TrainableNetwork {
  name: string
  architecture: string
  /**
   * float32 [N, S, S, 3], normalised by (pixels − mean) / std → [embedding [N, D] of unit length, logits [N, C]], and
   * instance [N, I] of unit length if the network has that part. With an encoder it takes the encoder's rows instead.
   */
  model: LayersModel
  encoder?: Encoder | undefined
  preprocessing: Preprocessing
  embeddingDimension: number
  /** I; 0 without that part. */
  instanceDimension: number
  /** Class names in the order of the logits. */
  labels: string[]
}

/** Every weight of the network, batch-norm statistics included, in the fixed order of its layers. */
export function variablesOf(network: TrainableNetwork): tf.Variable[] {
  return network.model.weights.map((weight) => weight.read() as tf.Variable)
}

export function trainableVariablesOf(network: TrainableNetwork): tf.Variable[] {
  return network.model.trainableWeights.map((weight) => weight.read() as tf.Variable)
}

/** What `model` takes. @param pixels uint8 [N, S, S, 3] @returns the caller disposes of it */
export async function networkInput(
  { encoder, preprocessing }: Pick<TrainableNetwork, 'encoder' | 'preprocessing'>,
  pixels: Uint8Array,
): Promise<tf.Tensor4D> {
  return encoder === undefined ? normalised(pixels, preprocessing.inputSize, preprocessing) : encoder.rows(pixels)
}

export type ForwardOutputs =
  | [embedding: tf.Tensor2D, logits: tf.Tensor2D]
  | [embedding: tf.Tensor2D, logits: tf.Tensor2D, instance: tf.Tensor2D]

/** One forward pass. @param input see `networkInput` */
export function forward(network: TrainableNetwork, input: tf.Tensor4D, training: boolean): ForwardOutputs {
  return network.model.apply(input, { training }) as ForwardOutputs
}
