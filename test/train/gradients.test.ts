/**
 * The slope of everything that training differentiates, compared with small steps to either side, on every backend that
 * runs here. The native backend comes first: what it registers stays for the others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../src/eval/random.js'
import { backends, chooseBackend } from '../../src/train/backend.js'
import { supervisedContrastive } from '../../src/train/losses/contrastive.js'
import { softCrossEntropy } from '../../src/train/losses/cross-entropy.js'
import { linkedPairs } from '../../src/train/losses/linked-pairs.js'
import { pairContrastive } from '../../src/train/losses/pair-contrastive.js'
import { BatchNormalization } from '../../src/train/models/batch-normalization.js'
import { GemPooling } from '../../src/train/models/gem-pooling.js'
import { CosineClassifier, L2Normalize } from '../../src/train/models/layers.js'
import { nativeIsBuilt } from '../../src/train/native/native-backend.js'

interface Operation {
  inputs: number[][]
  /** Of tensors with these shapes. */
  of(...inputs: tf.Tensor[]): tf.Tensor
  /** Where it has a corner, at which small steps to either side differ. */
  corners?: number[]
}

const map = [2, 7, 7, 3]
const rows = [6, 5]
const classes = () => tf.tensor1d([0, 0, 1, 1, 2, 2], 'int32')
const unit = (x: tf.Tensor) => new L2Normalize({}).apply(x) as tf.Tensor2D
const convolution = (size: number, stride: number, padding: 'same' | 'valid'): Operation => ({
  inputs: [map, [size, size, 3, 4]],
  of: (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, padding),
})
const depthwise = (size: number, stride: number, padding: 'same' | 'valid'): Operation => ({
  inputs: [map, [size, size, 3, 1]],
  of: (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, padding),
})

function batchNorm(training: boolean): Operation {
  return {
    inputs: [map, [3], [3]],
    of(x, gamma, beta) {
      const layer = new BatchNormalization({ name: 'norm' })
      layer.build(map)
      // the layer's own variables have no slope here
      const given = [
        gamma,
        beta,
        ...[
          [0.1, -0.2, 0.3],
          [0.5, 1, 2],
        ].map((values) => tf.keep(tf.tensor1d(values))),
      ]
      for (const [i, weight] of layer.weights.entries()) weight.read = () => given[i] as tf.Variable
      for (const weight of layer.weights) weight.write = () => weight
      return layer.call(x, { training })
    },
  }
}

const operations: Record<string, Operation> = {
  'convolution 1×1/2': convolution(1, 2, 'valid'),
  'convolution 3×3': convolution(3, 1, 'same'),
  'convolution 3×3/2': convolution(3, 2, 'same'),
  'convolution 7×7/2': convolution(7, 2, 'same'),
  'depthwise 3×3': depthwise(3, 1, 'same'),
  'depthwise 3×3/2': depthwise(3, 2, 'same'),
  'depthwise 5×5/2, valid': depthwise(5, 2, 'valid'),
  'batch-norm, live': batchNorm(true),
  'batch-norm, frozen': batchNorm(false),
  ReLU: { inputs: [map], of: (x) => tf.relu(x!), corners: [0] },
  ReLU6: { inputs: [map], of: (x) => tf.clipByValue(tf.mul(x!, 6), 0, 6), corners: [0, 1] },
  'mean of places': { inputs: [map], of: (x) => tf.mean(x!, [1, 2]) },
  'mean of all': { inputs: [map], of: (x) => tf.mean(x!) },
  'sum along the last axis': { inputs: [map], of: (x) => tf.sum(x!, -1, true) },
  reshape: { inputs: [map], of: (x) => tf.square(tf.reshape(x!, [-1, 3])) },
  'generalised mean': {
    inputs: [map],
    of: (x) => new GemPooling({ name: 'pooled', power: 3 }).apply(tf.add(tf.abs(x!), 0.1)) as tf.Tensor,
    corners: [0],
  },
  'unit length': { inputs: [rows], of: (x) => unit(x!) },
  'cosine classifier': {
    inputs: [rows, [5, 3]],
    of(x, kernel) {
      const layer = new CosineClassifier({ units: 3, scale: 8 })
      layer.build(rows)
      layer.weights[0]!.read = () => kernel as tf.Variable
      return layer.call(unit(x!))
    },
  },
  'cross-entropy': {
    inputs: [[6, 3]],
    of: (x) => softCrossEntropy(x as tf.Tensor2D, tf.softmax(tf.reshape(tf.range(0, 18), [6, 3])) as tf.Tensor2D),
  },
  'supervised contrastive loss': { inputs: [rows], of: (x) => supervisedContrastive(unit(x!), classes(), 0.5) },
  'loss of all pairs': {
    inputs: [rows],
    of: (x) => pairContrastive(unit(x!), classes(), { margin: 2, negativeWeight: 4, mean: 'all-pairs' }),
  },
  'loss of judged pairs': {
    inputs: [rows],
    of: (x) => linkedPairs(unit(x!), { must: [[0, 3]], cannot: [[1, 2]] }, 2),
  },
}

/** Uniform in [−1, 1), away from the corners. */
function drawn(shape: number[], random: () => number, corners: readonly number[] = []): tf.Tensor {
  const value = (): number => {
    const x = 2 * random() - 1
    return corners.some((corner) => Math.abs(x - corner) < 0.05) ? value() : x
  }
  return tf.tensor(Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, value), shape)
}

const step = 0.02

/** For each input: the slope along a random direction, by the gradient and by two small steps. */
function slopes({ inputs: shapes, of, corners }: Operation): [byGradient: number, bySteps: number][] {
  return tf.tidy(() => {
    const random = seededRandom(11)
    const inputs = shapes.map((shape) => drawn(shape, random, corners))
    const factors = drawn(of(...inputs).shape, random)
    const value = (...given: tf.Tensor[]) => tf.sum(tf.mul(of(...given), factors)) as tf.Scalar
    const gradients = tf.grads(value)(inputs)
    return inputs.map((input, at) => {
      const direction = drawn(input.shape, random)
      const moved = (by: number) => value(...inputs.with(at, tf.add(input, tf.mul(direction, by)))).dataSync()[0]!
      return [tf.sum(tf.mul(gradients[at]!, direction)).dataSync()[0]!, (moved(step) - moved(-step)) / (2 * step)]
    })
  })
}

for (const backend of backends) {
  const skip = backend === 'tensorflow' && !nativeIsBuilt() ? 'native TensorFlow is not set up' : false
  for (const [name, operation] of Object.entries(operations)) {
    test(`${backend}: the gradient of ${name} is its slope`, { skip }, async () => {
      await chooseBackend(backend)
      for (const [at, [byGradient, bySteps]] of slopes(operation).entries())
        assert.ok(
          Math.abs(byGradient - bySteps) < 2e-3 + 0.01 * Math.abs(bySteps),
          `input ${at}: ${byGradient} instead of ${bySteps}`,
        )
    })
  }
}
