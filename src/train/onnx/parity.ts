/** Checks that the exported graph computes the same as the trained layers, on the same pixels. */
import * as tf from '@tensorflow/tfjs-core'
import { networkInput, type TrainableNetwork } from '../models/network.js'
import { nativeDevice } from '../native/native-backend.js'
import type { OnnxOutputs, OnnxSession } from './onnx-session.js'

export interface Parity {
  pictures: number
  /** Smallest cosine between the two embeddings of a picture. */
  minCosine: number
  /** Largest difference of a logit, as a share of the largest logit. */
  maxLogitDifference: number
  /** Largest difference between the map summed over its places and the embedding; absent if the graph has no map. */
  maxMapDifference?: number | undefined
  passed: boolean
}

/** Bounds for a faithful float32 export. */
export const parityBounds = { minCosine: 0.99999, maxLogitDifference: 1e-3, maxMapDifference: 1e-3 } as const

/** On a GPU the layers multiply in TF32, with a ten-bit mantissa: logits of EfficientNet-Lite0 then differ by 1e-3. */
const boundsHere = (): Omit<Record<keyof typeof parityBounds, number>, 'maxMapDifference'> =>
  nativeDevice() === 'gpu' ? { minCosine: 0.9999, maxLogitDifference: 1e-2 } : parityBounds

/** @param pictures each [size, size, 3], RGB, 0..255 */
export async function checkParity(
  network: TrainableNetwork,
  session: OnnxSession,
  images: readonly Uint8Array[],
): Promise<Parity> {
  const size = network.preprocessing.inputSize
  const pixels = new Uint8Array(images.length * size * size * 3)
  images.forEach((image, i) => pixels.set(image, i * size * size * 3))
  const [trained, exported] = [await runLayers(network, pixels, images.length), await session.run(pixels, size)]

  const minCosine = minimumCosine(trained.embedding, exported.embedding, network.embeddingDimension)
  const maxLogitDifference = largestDifference(trained.logits, exported.logits)
  const maxMapDifference = exported.map && mapDifference(exported.map, exported.embedding, network.embeddingDimension)
  // written so that NaN fails
  const sumsUp = maxMapDifference === undefined || maxMapDifference < parityBounds.maxMapDifference
  const bounds = boundsHere()
  const passed = minCosine > bounds.minCosine && maxLogitDifference < bounds.maxLogitDifference && sumsUp
  return {
    pictures: images.length,
    minCosine,
    maxLogitDifference,
    ...(maxMapDifference !== undefined && { maxMapDifference }),
    passed,
  }
}

async function runLayers(network: TrainableNetwork, pixels: Uint8Array, count: number): Promise<OnnxOutputs> {
  const input = await networkInput(network, pixels)
  const tensors = network.model.predict(input, { batchSize: count }) as [tf.Tensor, tf.Tensor, ...tf.Tensor[]]
  input.dispose()
  const [embedding, logits] = tensors
  const outputs = { embedding: Float32Array.from(embedding.dataSync()), logits: Float32Array.from(logits.dataSync()) }
  tf.dispose(tensors)
  return outputs
}

function minimumCosine(a: Float32Array, b: Float32Array, dimension: number): number {
  if (a.length !== b.length) return NaN
  let minimum = Infinity
  for (let start = 0; start < a.length; start += dimension) {
    let [dot, aa, bb] = [0, 0, 0]
    for (let i = start; i < start + dimension; i++) {
      dot += a[i]! * b[i]!
      aa += a[i]! ** 2
      bb += b[i]! ** 2
    }
    minimum = Math.min(minimum, dot / Math.sqrt(aa * bb))
  }
  return minimum
}

/**
 * Largest difference between a component of the embedding and the map summed over its places.
 * @param map [N, h, w, D]
 * @param embedding [N, D]
 */
export function mapDifference(map: Float32Array, embedding: Float32Array, dimension: number): number {
  const images = embedding.length / dimension
  const places = map.length / embedding.length
  let largest = 0
  for (let row = 0; row < images; row++) {
    for (let i = 0; i < dimension; i++) {
      let sum = 0
      for (let place = 0; place < places; place++) sum += map[(row * places + place) * dimension + i]!
      const difference = Math.abs(sum - embedding[row * dimension + i]!)
      // a comparison would ignore NaN
      largest = Math.max(largest, difference)
    }
  }
  return largest
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return NaN
  let [difference, largest] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!))
    largest = Math.max(largest, Math.abs(a[i]!))
  }
  return largest === 0 ? difference : difference / largest
}
