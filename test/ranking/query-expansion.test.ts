import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosine } from '../../src/cosine.js'
import { expandedQuery } from '../../src/ranking/query-expansion.js'

const query = Float32Array.of(1, 0, 0)
const hit = (x: number, y: number, z: number) => {
  const vector = Float32Array.of(x, y, z)
  return { score: cosine(query, vector), vector }
}

test('each hit moves the query towards itself by the third power of its score', () => {
  const expanded = expandedQuery(query, [hit(0.8, 0.6, 0), hit(0.6, 0, 0.8)])
  const sum = [1 + 0.8 ** 3 * 0.8 + 0.6 ** 3 * 0.6, 0.8 ** 3 * 0.6, 0.6 ** 3 * 0.8]
  for (const [i, value] of sum.entries()) assert.ok(Math.abs(expanded[i]! - value / Math.hypot(...sum)) < 1e-6)
})

test('copies of the query, hits on the other side, and none at all, leave it where it is', () => {
  for (const hits of [[], [hit(1, 0, 0)], [hit(-0.6, 0.8, 0), hit(0, 1, 0)]])
    assert.deepEqual(expandedQuery(query, hits), query)
})
