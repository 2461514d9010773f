/**
 * Networks of other frameworks, narrow and with random weights, in their own files: ours must compute the same. See
 * write-*-fixture.py.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { model as layersModel } from '@tensorflow/tfjs-layers'
import { chooseBackend } from '../../../src/train/backend.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { startingNetwork } from '../../../src/train/models/starting-network.js'
import { readStartingWeights } from '../../../src/train/weights/starting-weights.js'

const fixtures = 'test/train/weights'

for (const [framework, file] of [
  ['Keras', 'keras-narrow.h5'],
  ['torchvision', 'torchvision-narrow.safetensors'],
] as const) {
  test(`a file written by ${framework} yields its features and its logits`, async () => {
    await chooseBackend('cpu')
    const expected = JSON.parse(await readFile(`${fixtures}/${file.split('.')[0]}.json`, 'utf8')) as {
      pixels: string
      pooled: number[]
      logits: number[]
    }
    const weights = await readStartingWeights(`${fixtures}/${file}`)
    const network = startingNetwork(weights, {
      name: 'narrow',
      labels: ['a', 'b'],
      head: { pooling: 'average', embeddingDimension: 4, scale: 8, instanceDimension: 0 },
      seed: 1,
      fixedSize: false,
    })
    const features = layersModel({
      inputs: network.model.inputs,
      outputs: network.model.getLayer('pooled').getOutputAt(0) as never,
    })
    const pooled = features.apply(
      normalised(Buffer.from(expected.pixels, 'base64'), 64, network.preprocessing),
    ) as tf.Tensor2D
    const [kernel, bias] = weights.classifier!
    const logits = tf.add(
      tf.matMul(pooled, tf.tensor2d(kernel.values, kernel.shape as [number, number])),
      tf.tensor1d(bias.values),
    )
    for (const [found, wanted] of [
      [pooled, expected.pooled],
      [logits, expected.logits],
    ] as const) {
      const largest = Math.max(...wanted.map(Math.abs))
      found
        .dataSync()
        .forEach((value, i) =>
          assert.ok(Math.abs(value - wanted[i]!) < 1e-4 * largest, `${value} at ${i}, ${framework} has ${wanted[i]}`),
        )
    }
  })
}
