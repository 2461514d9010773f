import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bootstrapIntervals } from '../../src/eval/bootstrap.js'
import { seededRandom } from '../../src/eval/random.js'

test('intervals have the width that theory gives the mean of independent values', () => {
  const random = seededRandom(2)
  const values = Float64Array.from({ length: 400 }, () => Number(random() < 0.3))
  const mean = values.reduce((sum, value) => sum + value, 0) / 400
  const [low, high] = bootstrapIntervals(new Map([['share', values]]), 4_000, 1)['share']!
  const half = 1.96 * Math.sqrt((mean * (1 - mean)) / 400)
  assert.ok(Math.abs(low - (mean - half)) < 0.05 * half, `${low} instead of ${mean - half}`)
  assert.ok(Math.abs(high - (mean + half)) < 0.05 * half, `${high} instead of ${mean + half}`)
})

test('columns are resampled together, every row with the same weight', () => {
  const first = Float64Array.of(1, 2, 3, 4)
  const columns = new Map([
    ['first', first],
    ['rest', first.map((value) => 5 - value)],
    ['constant', first.map(() => 7)],
  ])
  const intervals = bootstrapIntervals(columns, 500, 1)
  const [low, high] = intervals['first']!
  assert.deepEqual(intervals['rest'], [5 - high, 5 - low])
  assert.deepEqual(intervals['constant'], [7, 7])
})

test('without rows or resamples there are no intervals', () => {
  assert.deepEqual(bootstrapIntervals(new Map([['none', new Float64Array()]]), 10, 1), {})
  assert.deepEqual(bootstrapIntervals(new Map([['some', Float64Array.of(1)]]), 0, 1), {})
  assert.deepEqual(bootstrapIntervals(new Map(), 10, 1), {})
})
