import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { type PairLossSettings, pairContrastive } from '../../../src/train/losses/pair-contrastive.js'

await chooseBackend('cpu')
const rows = [
  [1, 0],
  [0.6, 0.8],
  [0, 1],
  [-0.8, 0.6],
  [1, 0],
]
const classes = [0, 0, 1, 1, 1]

/** Pair by pair, as written in the paper. */
function slowly({ margin, negativeWeight, mean }: PairLossSettings): number {
  const [positives, negatives]: [number[], number[]] = [[], []]
  for (const [i, a] of rows.entries()) {
    for (const [j, b] of rows.entries()) {
      if (j >= i) continue
      const distance = Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!)
      if (classes[i] === classes[j]) positives.push(distance ** 2)
      else negatives.push(Math.max(0, margin - distance) ** 2)
    }
  }
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  if (mean === 'all-pairs')
    return (sum(positives) + negativeWeight * sum(negatives)) / (positives.length + negatives.length)
  return sum(positives) / positives.length + (negativeWeight * sum(negatives)) / negatives.length
}

for (const settings of [
  { margin: 1.4, negativeWeight: 4, mean: 'all-pairs' },
  { margin: 1.4, negativeWeight: 1, mean: 'each-kind' },
  { margin: 0.5, negativeWeight: 14, mean: 'each-kind' },
] as const) {
  test(`all pairs from one matrix equal a pair-by-pair calculation: ${JSON.stringify(settings)}`, () => {
    const loss = pairContrastive(tf.tensor2d(rows), tf.tensor1d(classes, 'int32'), settings).dataSync()[0]!
    // distances below 0.001 count as 0.001
    assert.ok(Math.abs(loss - slowly(settings)) < 5e-3, `${loss} against ${slowly(settings)}`)
  })
}

test('two equal pictures with different labels have a finite gradient', () => {
  const gradient = tf.grad((x) =>
    pairContrastive(x as tf.Tensor2D, tf.tensor1d(classes, 'int32'), {
      margin: 1.4,
      negativeWeight: 1,
      mean: 'all-pairs',
    }),
  )(tf.tensor2d(rows))
  assert.ok(gradient.dataSync().every(Number.isFinite))
})
