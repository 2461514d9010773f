import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { BatchNormalization } from '../../../src/train/models/batch-normalization.js'

await chooseBackend('cpu')

const batches: [values: number[], variance: number][] = [
  [[1, 2, 6], 7], // squares of the distances to the mean, divided by one less than there are
  [[5], 0],
]
for (const [values, variance] of batches)
  test(`the moving variance follows that of all pictures, as estimated from a batch of ${values.length}`, () => {
    const layer = new BatchNormalization({ name: `norm_of_${values.length}` })
    layer.apply(tf.tensor4d(values, [values.length, 1, 1, 1]), { training: true })
    const moving = layer.weights[3]!.read().dataSync()[0]!
    const expected = layer.momentum + (1 - layer.momentum) * variance // it begins at 1
    assert.ok(Math.abs(moving - expected) < 1e-6, `${moving} instead of ${expected}`)
  })
