/** TensorFlow's kernels compared with what tfjs composes of small operations on its plain JavaScript backend. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { BatchNormalization } from '../../../src/train/models/batch-normalization.js'
import { nativeIsBuilt } from '../../../src/train/native/native-backend.js'

const skip = nativeIsBuilt() ? false : 'native TensorFlow is not set up; npm run train:setup'

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0.3, 2, 'float32', seed)

function batchNorm(training: boolean): Record<string, Float32Array> {
  const layer = new BatchNormalization({ name: `norm_${tf.getBackend()}_${training}` })
  layer.build([2, 5, 5, 3])
  layer.setWeights([normal([3], 1), normal([3], 2), normal([3], 3), tf.tensor1d([0.5, 1, 2])])
  const [gamma, beta, movingMean, movingVariance] = layer.weights.map((weight) => weight.read() as tf.Variable) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ]
  const x = tf.variable(normal([2, 5, 5, 3], 4))
  const given = normal([2, 5, 5, 3], 5)
  const { value, grads } = tf.variableGrads(
    () => tf.sum(tf.mul(layer.apply(x, { training }) as tf.Tensor, given)) as tf.Scalar,
    [x, gamma, beta],
  )
  return read({
    ...{ value, x: grads[x.name]!, gamma: grads[gamma.name]!, beta: grads[beta.name]! },
    ...{ movingMean, movingVariance },
  })
}

/** Values and gradients by name, of arrays that do not belong to a backend. */
const runs: Record<string, () => Record<string, Float32Array>> = {
  'batch-norm with frozen statistics': () => batchNorm(false),
  'batch-norm with live statistics': () => batchNorm(true),
  'clipping to ReLU6': () => clipped(0, 6),
  'clipping to other limits': () => clipped(-1, 1),
}

function clipped(low: number, high: number): Record<string, Float32Array> {
  const x = tf.mul(normal([200], 6), 4)
  const given = normal([200], 7)
  const slope = tf.grad((input: tf.Tensor) => tf.sum(tf.mul(tf.clipByValue(input, low, high), given)))(x)
  return read({ value: tf.clipByValue(x, low, high), slope })
}

const read = (tensors: Record<string, tf.Tensor>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]))

for (const [name, run] of Object.entries(runs)) {
  test(`${name}: values, gradients and statistics equal those of the plain backend`, { skip }, async () => {
    await chooseBackend('cpu')
    const expected = run()
    await chooseBackend('tensorflow')
    const found = run()
    for (const [part, values] of Object.entries(expected)) {
      const scale = Math.hypot(...values)
      const distance = Math.hypot(...values.map((value, i) => value - found[part]![i]!))
      assert.ok(distance < 1e-4 * scale, `${part} differs by ${distance} of ${scale}`)
    }
  })
}
