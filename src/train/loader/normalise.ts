/** Pixels → network input. The exported graph contains the same arithmetic. */
import * as tf from '@tensorflow/tfjs-core'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { floatsOfBytes } from '../native/uint8-pixels.js'

/** uint8 [N, S, S, 3] → float32 [N, S, S, 3], (pixels − mean) / std. */
export function normalised(pixels: Uint8Array, side: number, { mean, std }: Preprocessing): tf.Tensor4D {
  const shape: [number, number, number, number] = [pixels.length / (side * side * 3), side, side, 3]
  if (tf.getBackend() === 'tensorflow')
    return tf.tidy(() => tf.div(tf.sub(floatsOfBytes(pixels, shape), tf.tensor1d(mean)), tf.tensor1d(std)))
  // three tables of 256 values: a look-up replaces a subtraction and a division
  const tables = mean.map((centre, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value - centre) / std[channel]!),
  )
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array]
  const values = new Float32Array(pixels.length)
  for (let i = 0; i < pixels.length; i += 3) {
    values[i] = red[pixels[i]!]!
    values[i + 1] = green[pixels[i + 1]!]!
    values[i + 2] = blue[pixels[i + 2]!]!
  }
  return tf.tensor4d(values, shape)
}

interface EraseOptions extends Pick<Preprocessing, 'mean'> {
  side: number
  share: number
  random: () => number
}

/**
 * Random erasing (Zhong et al. 2020), in place: `share` of the pictures get a square of ¼ to ½ of the side filled with
 * the mean colour of the data set.
 */
export function eraseSquares(pixels: Uint8Array, { side, mean, share, random }: EraseOptions): void {
  const size = side * side * 3
  for (let start = 0; start < pixels.length; start += size) {
    const [chosen, scale, x, y] = [random(), random(), random(), random()]
    if (chosen >= share) continue
    const square = Math.round(side * (0.25 + 0.25 * scale))
    const [left, top] = [Math.floor(x * (side - square + 1)), Math.floor(y * (side - square + 1))]
    for (let row = top; row < top + square; row++) {
      for (let i = start + (row * side + left) * 3, end = i + square * 3; i < end; i++)
        pixels[i] = Math.round(mean[i % 3]!)
    }
  }
}
