import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { applyClassGain, chooseClassGain } from '../../../src/train/models/class-gain.js'
import { forward } from '../../../src/train/models/network.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'

before(() => chooseBackend('cpu'))

const preprocessing = {
  inputSize: 16,
  fit: 'squash' as const,
  resizeShortSide: 16,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const shape = {
  name: 'tiny',
  labels: ['a', 'b', 'c'],
  preprocessing,
  seed: 1,
  widths: [4, 8],
  depth: 1,
  embeddingDimension: 6,
}

/** A network whose last normalisation is not the initial identity. */
function network() {
  const made = simpleCnn(shape)
  const values = [
    [1.5, 0.5, 1, 2, 0.7, 1.1],
    [0.1, -0.2, 0, 0.3, 0, -0.1],
    [0.05, 0, -0.1, 0, 0.02, 0],
    [0.3, 0.2, 0.5, 0.1, 0.4, 0.25],
  ]
  made.model.getLayer('embed_norm').setWeights(values.map((row) => tf.tensor1d(row)))
  return made
}

test('a gain stretches along the class directions, and keeps the rest and the order of the classes', async () => {
  const input = tf.randomNormal([5, 16, 16, 3], 0, 1, 'float32', 2) as tf.Tensor4D
  const stretchedNetwork = network()
  const [plain, plainLogits] = forward(network(), input, false)
  await applyClassGain(stretchedNetwork, 3)
  const [moved, movedLogits] = forward(stretchedNetwork, input, false)

  // the projector onto the class directions, K (KᵀK)⁻¹ Kᵀ, is applied by solving for the part of each row in their span
  const kernel = stretchedNetwork.model.getLayer('logits').getWeights()[0] as tf.Tensor2D
  const [basis] = tf.linalg.qr(kernel)
  const along = (rows: tf.Tensor2D) =>
    tf.matMul(tf.matMul(rows, basis as tf.Tensor2D), basis as tf.Tensor2D, false, true)
  const expected = tf.add(plain, tf.mul(along(plain), 3))
  const unit = tf.div(expected, tf.norm(expected, 2, 1, true))
  assert.ok(tf.max(tf.abs(tf.sub(unit, moved))).dataSync()[0]! < 1e-4)
  assert.deepEqual(tf.argMax(movedLogits, 1).dataSync(), tf.argMax(plainLogits, 1).dataSync())
})

test('a gain of 0 changes nothing', async () => {
  const input = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 2) as tf.Tensor4D
  const changed = network()
  await applyClassGain(changed, 0)
  const difference = tf.sub(forward(changed, input, false)[0], forward(network(), input, false)[0])
  assert.ok(tf.max(tf.abs(difference)).dataSync()[0]! < 1e-5)
})

test('the gain is chosen by retrieval: high when only the classes matter, none when it is unknown', async () => {
  const made = network()
  const kernel = (await made.model.getLayer('logits').getWeights()[0]!.array()) as number[][]
  // each row: its class direction, and a larger part unrelated to it
  const rows = [0, 0, 1, 1, 2, 2].map((label, i) => {
    const row = kernel.map((weights, axis) => weights[label]! + 1.5 * Math.sin(7 * axis + (i % 2) * 9))
    const length = Math.hypot(...row)
    return row.map((value) => value / length)
  })
  const val = {
    ids: ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'],
    labels: ['a', 'a', 'b', 'b', 'c', 'c'],
    groups: [1, 2, 3, 4, 5, 6],
    embeddings: Float32Array.from(rows.flat()),
    dimension: 6,
  }
  const { gain, mAP10 } = await chooseClassGain(made, val)
  assert.ok(gain > 0 && mAP10! > 0.5, `${gain} ${mAP10}`)
  const single = { ...val, labels: ['a', 'b', 'c', 'd', 'e', 'f'] }
  assert.deepEqual(await chooseClassGain(made, single), { gain: 0, mAP10: null })
})
