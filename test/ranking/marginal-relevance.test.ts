import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'
import { chooseDiverse } from '../../src/ranking/marginal-relevance.js'

/** Two bundles of nearly equal pictures: 0, 1, 2 and 3, 4. */
const bundle = [0, 0, 0, 1, 1]
const scores = [0.9, 0.89, 0.88, 0.8, 0.79]
const between = (a: number, b: number) => (bundle[a] === bundle[b] ? 0.95 : 0.2)
const choose = (diversity: number, k = 5) => chooseDiverse({ scores, between, diversity, k })

test('without diversity the order of scores is kept, with some the second bundle appears early', () => {
  assert.deepEqual(choose(0), [0, 1, 2, 3, 4])
  assert.deepEqual(choose(0.5), [0, 3, 1, 2, 4])
  assert.deepEqual(choose(1, 2), [0, 3])
})

test('the best hit is first at every diversity, and a shorter selection is a prefix of a longer one', () => {
  for (const diversity of [0, 0.1, 0.3, 0.7, 1]) {
    const all = choose(diversity)
    assert.equal(all[0], 0)
    assert.deepEqual([...all].sort(), [0, 1, 2, 3, 4])
    for (let k = 0; k <= 5; k++) assert.deepEqual(choose(diversity, k), all.slice(0, k))
  }
  assert.deepEqual(choose(0.5, 100).length, 5)
  assert.deepEqual(chooseDiverse({ scores: [], between, diversity: 0.5, k: 3 }), [])
})

test('among equals the first one is chosen', () => {
  assert.deepEqual(chooseDiverse({ scores: [0.5, 0.5, 0.5], between: () => 0.3, diversity: 0.5, k: 3 }), [0, 1, 2])
})

test('it follows the formula of the paper', () => {
  const random = seededRandom(3)
  const count = 30
  const relevance = Array.from({ length: count }, () => random()).sort((a, b) => b - a)
  const likeness = Array.from({ length: count }, () => Array.from({ length: count }, () => random()))
  const alike = (a: number, b: number) => likeness[Math.min(a, b)]![Math.max(a, b)]!
  const lambda = 0.6
  const expected = [0]
  while (expected.length < 12) {
    let best = -1
    let bestValue = -Infinity
    for (let i = 0; i < count; i++) {
      if (expected.includes(i)) continue
      const value = lambda * relevance[i]! - (1 - lambda) * Math.max(...expected.map((chosen) => alike(i, chosen)))
      if (value > bestValue) [best, bestValue] = [i, value]
    }
    expected.push(best)
  }
  assert.deepEqual(chooseDiverse({ scores: relevance, between: alike, diversity: 1 - lambda, k: 12 }), expected)
})
