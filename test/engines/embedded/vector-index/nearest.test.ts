import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Nearest } from '../../../../src/engines/embedded/vector-index/nearest.js'
import { seededRandom } from './unit-vectors.js'

test('keeps the k best in any order of arrival, ties by slot', () => {
  const random = seededRandom(3)
  for (const [count, k] of [
    [0, 5],
    [1, 1],
    [10, 10],
    [10, 50],
    [500, 7],
    [500, 1],
    [2_000, 100],
  ] as const) {
    // Few distinct scores, so that ties are common.
    const offers = Array.from({ length: count }, (_, slot) => ({ slot, score: Math.floor(random() * 20) / 20 }))
    const nearest = new Nearest(k)
    for (const { slot, score } of offers.toSorted(() => random() - 0.5)) nearest.offer(slot, score)
    const expected = offers.toSorted((a, b) => b.score - a.score || a.slot - b.slot).slice(0, k)
    assert.deepEqual(nearest.sorted(), expected)
  }
})

test('k of zero keeps nothing', () => {
  const nearest = new Nearest(0)
  nearest.offer(1, 1)
  assert.deepEqual(nearest.sorted(), [])
})
