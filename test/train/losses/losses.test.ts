import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { supervisedContrastive } from '../../../src/train/losses/contrastive.js'
import { smoothedTargets, softCrossEntropy } from '../../../src/train/losses/cross-entropy.js'

before(() => chooseBackend('cpu'))

const near = (actual: number, expected: number, tolerance = 1e-5) =>
  assert.ok(Math.abs(actual - expected) < tolerance, `${actual} is not ${expected}`)
const value = (scalar: tf.Tensor) => scalar.dataSync()[0]!

test('cross-entropy matches a manual calculation, with and without smoothing', () => {
  // logits ln 1, ln 2, ln 5 and ln 2, ln 2, ln 4: probabilities 1/8, 2/8, 5/8 and 1/4, 1/4, 1/2
  const logits = tf.tensor2d([
    [0, Math.log(2), Math.log(5)],
    [Math.log(2), Math.log(2), Math.log(4)],
  ])
  const classes = tf.tensor1d([2, 0], 'int32')
  const loss = (smoothing: number) => value(softCrossEntropy(logits, smoothedTargets(classes, 3, smoothing)))
  near(loss(0), (-Math.log(5 / 8) - Math.log(1 / 4)) / 2)
  const all = [1 / 8, 2 / 8, 5 / 8, 1 / 4, 1 / 4, 1 / 2].reduce((sum, p) => sum - Math.log(p), 0)
  near(loss(0.3), (0.7 * (-Math.log(5 / 8) - Math.log(1 / 4)) + 0.1 * all) / 2)
})

test('supervised contrastive loss matches a manual calculation', () => {
  // three directions in the plane; a and b share a label, c has no partner and does not count
  const angles = [0, 0.5, 2]
  const rows = tf.tensor2d(angles.map((angle): [number, number] => [Math.cos(angle), Math.sin(angle)]))
  const similarity = (i: number, j: number) => Math.cos(angles[i]! - angles[j]!) / 0.5
  const ofA = similarity(0, 1) - Math.log(Math.exp(similarity(0, 1)) + Math.exp(similarity(0, 2)))
  const ofB = similarity(1, 0) - Math.log(Math.exp(similarity(1, 0)) + Math.exp(similarity(1, 2)))
  near(value(supervisedContrastive(rows, tf.tensor1d([4, 4, 1], 'int32'), 0.5)), -(ofA + ofB) / 2)
})

test('supervised contrastive loss is the mean over partners, and 0 in a batch without any', () => {
  const rows = tf.tensor2d([
    [1, 0],
    [1, 0],
    [1, 0],
  ])
  near(value(supervisedContrastive(rows, tf.tensor1d([0, 0, 0], 'int32'), 0.1)), Math.log(2))
  near(value(supervisedContrastive(rows, tf.tensor1d([0, 1, 2], 'int32'), 0.1)), 0)
})

test('moving along the gradient attracts partners and repels strangers', () => {
  const classes = tf.tensor1d([0, 0, 1], 'int32')
  const rows = tf.tensor2d([
    [1, 0],
    [0.6, 0.8],
    [0.8, 0.6],
  ])
  const gradient = tf.grad((x) => supervisedContrastive(x as tf.Tensor2D, classes, 0.5))(rows)
  const moved = tf.sub(rows, tf.mul(gradient, 0.05)) as tf.Tensor2D
  assert.ok(value(supervisedContrastive(moved, classes, 0.5)) < value(supervisedContrastive(rows, classes, 0.5)))
})
