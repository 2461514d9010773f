/** Keras' own network, narrow and with random weights, in its own file: ours must compute the same. See write-keras-fixture.py. */
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

test('a file written by Keras gives its features and its logits', async () => {
  await chooseBackend('cpu')
  const expected = JSON.parse(await readFile(`${fixtures}/keras-narrow.json`, 'utf8')) as { pixels: string; pooled: number[]; logits: number[] }
  const weights = await readStartingWeights(`${fixtures}/keras-narrow.h5`)
  const network = startingNetwork(weights, { name: 'keras', labels: ['a', 'b'], head: { pooling: 'average', embeddingDimension: 4, scale: 8 }, seed: 1, fixedSize: false })
  const features = layersModel({ inputs: network.model.inputs, outputs: network.model.getLayer('pooled').getOutputAt(0) as never })
  const pooled = features.apply(normalised(Buffer.from(expected.pixels, 'base64'), 64, network.preprocessing)) as tf.Tensor2D
  const [kernel, bias] = weights.classifier!
  const logits = tf.add(tf.matMul(pooled, tf.tensor2d(kernel.values, kernel.shape as [number, number])), tf.tensor1d(bias.values))
  for (const [found, wanted] of [[pooled, expected.pooled], [logits, expected.logits]] as const) {
    const largest = Math.max(...wanted.map(Math.abs))
    found.dataSync().forEach((value, i) => assert.ok(Math.abs(value - wanted[i]!) < 1e-4 * largest, `${value} at ${i}, Keras has ${wanted[i]}`))
  }
})
