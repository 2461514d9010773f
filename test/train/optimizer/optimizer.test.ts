import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { learningRateAt, warmupStepsOf } from '../../../src/train/optimizer/schedule.js'
import { WeightAverage } from '../../../src/train/optimizer/weight-average.js'

before(() => chooseBackend('cpu'))

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-5, `${actual} is not ${expected}`)

test('AdamW equals the formula over three steps', () => {
  const [beta1, beta2, epsilon, rate, weightDecay] = [0.9, 0.99, 1e-6, 0.1, 0.5]
  const kernel = tf.variable(tf.tensor2d([[2]]))
  const optimizer = new AdamW([kernel], { beta1, beta2, epsilon, weightDecay })
  let [expected, first, second] = [2, 0, 0]
  for (const [index, gradient] of [0.5, -1, 0.25].entries()) {
    optimizer.apply({ [kernel.name]: tf.tensor2d([[gradient]]) }, rate)
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient ** 2
    const direction = first / (1 - beta1 ** (index + 1)) / (Math.sqrt(second / (1 - beta2 ** (index + 1))) + epsilon)
    expected = expected * (1 - rate * weightDecay) - rate * direction
    near(kernel.dataSync()[0]!, expected)
  }
})

test('vectors do not decay; a variable without gradient is unchanged', () => {
  const [bias, unused] = [tf.variable(tf.tensor1d([2])), tf.variable(tf.tensor2d([[7]]))]
  const optimizer = new AdamW([bias, unused], { weightDecay: 0.5 })
  optimizer.apply({ [bias.name]: tf.tensor1d([0]) }, 0.1)
  near(bias.dataSync()[0]!, 2)
  near(unused.dataSync()[0]!, 7)
})

test('a step in which nothing moves counts for nothing', () => {
  const [moving, pausing] = [tf.variable(tf.tensor1d([2])), tf.variable(tf.tensor1d([2]))]
  const [steady, interrupted] = [new AdamW([moving]), new AdamW([pausing])]
  for (const slope of [0.5, -1, 0.25]) {
    steady.apply({ [moving.name]: tf.tensor1d([slope]) }, 0.1)
    interrupted.apply({}, 0.1)
    interrupted.apply({ [pausing.name]: tf.tensor1d([slope]) }, 0.1)
  }
  assert.deepEqual(pausing.dataSync(), moving.dataSync())
})

test('variables of any shape are updated as if alone', () => {
  const start = [
    tf.tensor2d([
      [1, -2],
      [3, 4],
    ]),
    tf.tensor1d([5, 6]),
    tf.tensor4d([7, 8, 9], [1, 1, 3, 1]),
  ]
  const slopes = [
    tf.tensor2d([
      [0.1, 0.2],
      [-0.3, 0.4],
    ]),
    tf.tensor1d([1, -1]),
    tf.tensor4d([0.5, 0, -0.5], [1, 1, 3, 1]),
  ]
  const moved = (variables: tf.Variable[], optimizers: AdamW[]): number[] => {
    const gradients = Object.fromEntries(variables.map(({ name }, i) => [name, slopes[i]!]))
    for (let step = 0; step < 3; step++) for (const optimizer of optimizers) optimizer.apply(gradients, 0.1)
    return variables.flatMap((variable) => [...variable.dataSync()])
  }
  const [together, apart] = [start.map((value) => tf.variable(value)), start.map((value) => tf.variable(value))]
  assert.deepEqual(
    moved(together, [new AdamW(together)]),
    moved(
      apart,
      apart.map((variable) => new AdamW([variable])),
    ),
  )
  assert.deepEqual(
    together.map(({ shape }) => shape),
    start.map(({ shape }) => shape),
  )
})

test('the learning rate rises linearly, then falls along half a cosine to zero', () => {
  const schedule = { peak: 0.8, warmupSteps: 4, totalSteps: 14 }
  const rows: [step: number, rate: number][] = [
    [0, 0.2],
    [3, 0.8],
    [4, 0.8],
    [9, 0.4],
    [14, 0],
    [20, 0],
  ]
  for (const [step, rate] of rows) near(learningRateAt(step, schedule), rate)
})

test('the warm-up takes some epochs, and with few pictures more of them, up to half of the run', () => {
  const warmup = { warmupEpochs: 2, minWarmupSteps: 200 }
  const rows: [epochs: number, batchesPerEpoch: number, steps: number][] = [
    [42, 126, 252],
    [42, 20, 200],
    [42, 9, 189],
    [1, 5, 2],
    [1, 1, 0],
  ]
  for (const [epochs, batchesPerEpoch, steps] of rows)
    assert.equal(warmupStepsOf(warmup, { epochs, batchesPerEpoch }), steps)
})

test('the average follows quickly at the start and slowly later', () => {
  const [average, weight] = [tf.variable(tf.scalar(0)), tf.variable(tf.scalar(1))]
  const following = new WeightAverage([average], [weight])
  following.follow(0, 0.99)
  near(average.dataSync()[0]!, 0)
  following.write()
  near(average.dataSync()[0]!, 0.9)
  following.follow(1e6, 0.99)
  following.write()
  near(average.dataSync()[0]!, 0.901)
  following.dispose()
})
