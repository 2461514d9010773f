import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partOf, parts, stabilityIndex } from '../../src/watch/distribution.js'

const spread = (weights: Record<number, number>) => Array.from({ length: parts }, (_, i) => weights[i] ?? 0)

test('values fall into equal bins, those outside into the first and the last', () => {
  assert.deepEqual([-0.3, 0, 0.049, 0.05, 0.999, 1, 1.01].map(partOf), [0, 0, 0, 1, 19, 19, 19])
})

test('the index is zero without drift, whatever the counts, and grows with the distance', () => {
  const at = (part: number) => stabilityIndex(spread({ 10: 500, 11: 500 }), spread({ [part]: 500, [part + 1]: 500 }))
  assert.equal(at(10), 0)
  assert.ok(stabilityIndex(spread({ 10: 500, 11: 500 }), spread({ 10: 5_000, 11: 5_000 })) < 0.1)
  assert.ok(at(11) > 0.25 && at(13) > at(11))
  assert.ok(Number.isFinite(at(0)))
})

test('the index equals its definition', () => {
  const [expected, found] = [spread({ 0: 79.5, 1: 19.5 }), spread({ 0: 59.5, 1: 39.5 })]
  const [total, a, b] = [79.5 + 19.5 + parts / 2, 80, 20]
  const byHand = ((60 - a) / total) * Math.log(60 / a) + ((40 - b) / total) * Math.log(40 / b)
  assert.ok(Math.abs(stabilityIndex(expected, found) - byHand) < 1e-12)
})
