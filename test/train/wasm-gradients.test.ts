import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../src/eval/random.js'
import { type Backend, chooseBackend } from '../../src/train/backend.js'

const [side, channels] = [9, 3]

/** Gradients of a weighted sum of a depthwise convolution, for its input and its filter. */
async function depthwiseGradients(backend: Backend, kernel: number, stride: number): Promise<Float32Array[]> {
  await chooseBackend(backend)
  const random = seededRandom(kernel * 10 + stride)
  const drawn = (shape: number[]) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => random() - 0.5),
      shape,
    )
  const [x, filter] = [drawn([2, side, side, channels]), drawn([kernel, kernel, channels, 1])]
  const convolved = (input: tf.Tensor, weights: tf.Tensor) =>
    tf.depthwiseConv2d(input as tf.Tensor4D, weights as tf.Tensor4D, stride, 'same')
  const factors = drawn(convolved(x, filter).shape)
  const gradients = tf.grads((input, weights) => tf.sum(tf.mul(convolved(input!, weights!), factors)))([x, filter])
  return Promise.all(gradients.map(async (gradient) => (await gradient.data()) as Float32Array))
}

for (const [kernel, stride] of [
  [3, 1],
  [3, 2],
  [5, 1],
  [5, 2],
] as const) {
  test(`depthwise convolutions, ${kernel}×${kernel}/${stride}: gradients equal those of the plain backend`, async () => {
    const [found, expected] = [
      await depthwiseGradients('wasm', kernel, stride),
      await depthwiseGradients('cpu', kernel, stride),
    ]
    for (const [i, values] of expected.entries())
      for (const [at, value] of values.entries())
        assert.ok(Math.abs(value - found[i]![at]!) < 1e-4, `${found[i]![at]} instead of ${value}`)
  })
}
