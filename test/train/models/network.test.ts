import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { initializers, layers } from '@tensorflow/tfjs-layers'
import { type Backend, chooseBackend } from '../../../src/train/backend.js'
import { pixelConvolution } from '../../../src/train/models/layers.js'
import { forward, trainableVariablesOf, variablesOf } from '../../../src/train/models/network.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'
import { nativeIsBuilt } from '../../../src/train/native/native-backend.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { inputOf, trainingStep } from '../../../src/train/training-step.js'

after(() => tf.disposeVariables())

const preprocessing = {
  inputSize: 16,
  fit: 'squash' as const,
  resizeShortSide: 16,
  kernel: 'linear' as const,
  mean: [120, 120, 120],
  std: [60, 60, 60],
}
const shape = {
  name: 'tiny',
  labels: ['a', 'b', 'c'],
  preprocessing,
  seed: 1,
  widths: [4, 6, 8],
  depth: 1,
  embeddingDimension: 5,
}
const pixels = Uint8Array.from({ length: 6 * 16 * 16 * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) % 256)
const classes = [0, 0, 1, 1, 2, 2]

/** Losses of a few steps and the weights after them. */
async function run(backend: Backend): Promise<{ losses: number[]; weights: number[] }> {
  await chooseBackend(backend)
  const network = simpleCnn(shape)
  const variables = trainableVariablesOf(network)
  const optimizer = new AdamW(variables)
  const input = inputOf(network, { pixels, side: 16 })
  const losses = Array.from({ length: 4 }, () =>
    trainingStep(
      network,
      { input, classes },
      { optimizer, variables, learningRate: 0.01 },
      { labelSmoothing: 0.1, contrastive: { weight: 0.5, temperature: 0.2 } },
    ),
  )
  const weights = variablesOf(network).flatMap((variable) => Array.from(variable.dataSync()))
  network.model.dispose()
  optimizer.dispose()
  return { losses, weights }
}

const reference = await run('cpu')

for (const backend of ['wasm', 'tensorflow'] as const) {
  const skip = backend === 'tensorflow' && !nativeIsBuilt()
  test(`training on ${backend} equals training on plain JavaScript`, { skip }, async () => {
    const { losses, weights } = await run(backend)
    losses.forEach((loss, step) =>
      assert.ok(
        Math.abs(loss - reference.losses[step]!) < 1e-3,
        `step ${step}: ${loss} against ${reference.losses[step]}`,
      ),
    )
    const worst = Math.max(...weights.map((weight, i) => Math.abs(weight - reference.weights[i]!)))
    assert.ok(worst < 5e-3, `weights differ by up to ${worst}`)
  })
}

test('the loss falls from step to step', () => {
  const { losses } = reference
  assert.ok(losses.at(-1)! < losses[0]! - 0.1, losses.join(' '))
})

test('embeddings have unit length, logits are scaled cosines, and a step leaks no tensor', async () => {
  await chooseBackend('cpu')
  const network = simpleCnn({ ...shape, scale: 3 })
  const [embedding, logits] = forward(network, tf.randomNormal([4, 16, 16, 3], 0, 1, 'float32', 1), false)
  assert.deepEqual(
    [embedding.shape, logits.shape],
    [
      [4, 5],
      [4, 3],
    ],
  )
  for (const length of tf.norm(embedding, 2, 1).dataSync()) assert.ok(Math.abs(length - 1) < 1e-5)
  assert.ok(logits.dataSync().every((logit) => Math.abs(logit) <= 3))

  const variables = trainableVariablesOf(network)
  const optimizer = new AdamW(variables)
  const input = inputOf(network, { pixels, side: 16 })
  const step = () =>
    trainingStep(
      network,
      { input, classes },
      { optimizer, variables, learningRate: 0.01 },
      { labelSmoothing: 0, contrastive: { weight: 1, temperature: 0.1 } },
    )
  step()
  const held = tf.memory().numTensors
  step()
  assert.equal(tf.memory().numTensors, held)
})

test('a convolution of pixels equals that of tfjs, values and gradients, without the gradient of the pixels', async () => {
  await chooseBackend('cpu')
  const input = tf.randomNormal([2, 9, 9, 3], 0, 1, 'float32', 3)
  const given = tf.randomNormal([2, 5, 5, 4], 0, 1, 'float32', 4)
  const kernelInitializer = initializers.heNormal({ seed: 5 })
  const runs = await Promise.all(
    [layers.conv2d, pixelConvolution].map(async (make) => {
      const layer = make({ filters: 4, kernelSize: 5, strides: 2, padding: 'same', useBias: false, kernelInitializer })
      layer.apply(input)
      const kernel = layer.trainableWeights[0]!.read() as tf.Variable
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.mul(layer.apply(input) as tf.Tensor, given)) as tf.Scalar,
        [kernel],
      )
      return { value: value.dataSync(), gradient: grads[kernel.name]!.dataSync() }
    }),
  )
  assert.deepEqual(runs[1], runs[0])

  const network = simpleCnn(shape)
  const variables = trainableVariablesOf(network)
  const means = { optimizer: new AdamW(variables), variables, learningRate: 0.01 }
  const losses = { labelSmoothing: 0, contrastive: { weight: 0, temperature: 1 } }
  const shown = inputOf(network, { pixels, side: 16 })
  const step = () => tf.scalar(trainingStep(network, { input: shown, classes }, means, losses))
  const { kernels } = await tf.profile(step)
  const count = (name: string) => kernels.filter((kernel) => kernel.name === name).length
  assert.deepEqual([count('Conv2DBackpropFilter'), count('Conv2DBackpropInput')], [3, 2])
})
