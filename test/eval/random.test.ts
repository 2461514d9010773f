import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/eval/random.js'

test("a seed gives Mulberry32's numbers, so that splits, crops and intervals are the same everywhere", () => {
  const random = seededRandom(1)
  assert.deepEqual([random(), random(), random()], [0.6270739405881613, 0.002735721180215478, 0.5274470399599522])
  assert.equal(seededRandom(2 ** 32 + 1)(), 0.6270739405881613)
})
