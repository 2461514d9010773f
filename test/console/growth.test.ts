/** How often the wall is loaded while an upload adds to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextGrowth } from '../../src/console/gallery/growth.js'

function loadsOf(before: number, pictures: number): number[] {
  const loads: number[] = []
  for (let next = nextGrowth(before, 0); next <= pictures; next = nextGrowth(before, next)) loads.push(next)
  return loads
}

test('an empty gallery is loaded with its first picture, and rarely once it is large', () => {
  assert.deepEqual(loadsOf(0, 12), [1, 2, 3, 5, 8, 12])
  assert.equal(loadsOf(0, 2_000).length, 18)
  assert.ok(loadsOf(0, 1_000_000).length < 40)
})

test('a large gallery is not loaded for a few more pictures', () => {
  assert.deepEqual(loadsOf(100_000, 2_000), [])
  assert.deepEqual(loadsOf(10, 10), [5])
})
