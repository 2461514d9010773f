import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../src/eval/random.js'
import { classBalancedBatches } from '../../../src/train/samplers/class-balanced.js'

/** 3 classes of 12, 8 and 4 pictures. */
const classOf = [...Array<number>(12).fill(0), ...Array<number>(8).fill(1), ...Array<number>(4).fill(2)]
const countBy = (values: readonly number[]) =>
  Object.fromEntries([...new Set(values)].map((value) => [value, values.filter((one) => one === value).length]))

test('every batch has the requested number of pictures of each of its classes', () => {
  for (const batch of classBalancedBatches(classOf, { classes: 2, samples: 3 }, seededRandom(1))) {
    assert.deepEqual(Object.values(countBy(batch.map((image) => classOf[image]!))), [3, 3])
  }
})

test('an epoch is about as long as the data; the pictures of a class are used up before any repeats', () => {
  const batches = classBalancedBatches(classOf, { classes: 3, samples: 4 }, seededRandom(1))
  assert.equal(batches.length, 2)
  const uses = countBy(batches.flat())
  assert.deepEqual(
    [0, 1].map((batch) => countBy(batches[batch]!.map((image) => classOf[image]!))),
    [
      { 0: 4, 1: 4, 2: 4 },
      { 0: 4, 1: 4, 2: 4 },
    ],
  )
  for (let image = 12; image < 20; image++) assert.equal(uses[image], 1)
  for (let image = 20; image < 24; image++) assert.equal(uses[image], 2)
})

test('the seed determines the order', () => {
  const draw = (seed: number) => classBalancedBatches(classOf, { classes: 3, samples: 2 }, seededRandom(seed))
  assert.deepEqual(draw(5), draw(5))
  assert.notDeepEqual(draw(5), draw(6))
})

test('fewer classes than requested, and fewer pictures than a batch, still give a batch', () => {
  const batches = classBalancedBatches([0, 0, 1], { classes: 15, samples: 4 }, seededRandom(1))
  assert.deepEqual(
    batches.map((batch) => batch.length),
    [8],
  )
})
