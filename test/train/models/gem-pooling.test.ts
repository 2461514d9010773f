import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { GemPooling } from '../../../src/train/models/gem-pooling.js'

await chooseBackend('cpu')
/** Two channels at four places, one of them below zero. */
const map = [
  [0.5, 2],
  [1, 0],
  [1.5, 3],
  [0, -1],
]

for (const power of [1, 3, 8]) {
  test(`the generalised mean of power ${power} is that of the positive values`, () => {
    const layer = new GemPooling({ name: `pooled_${power}`, power })
    const pooled = (layer.apply(tf.tensor4d(map.flat(), [1, 2, 2, 2])) as tf.Tensor).dataSync()
    for (const channel of [0, 1]) {
      const powers = map.map((values) => Math.max(values[channel]!, 0) ** power)
      const expected = (powers.reduce((sum, value) => sum + value, 0) / 4) ** (1 / power)
      assert.ok(Math.abs(pooled[channel]! - expected) < 1e-5, `${pooled[channel]} instead of ${expected}`)
    }
  })
}
