import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathering } from '../../src/analysis/gathering.js'

test('scan numbers become positions; pictures added later are skipped', () => {
  const gathering = new Gathering({ numbers: Uint32Array.of(40, 10, 30, 20) }, 2)
  const { lists } = gathering
  gathering.take({
    queries: Uint32Array.of(10, 30, 20),
    k: 2,
    counts: Uint32Array.of(2, 2, 0),
    numbers: Uint32Array.of(30, 40, /**/ 99, 10, /**/ 0, 0),
    scores: Float32Array.of(0.95, 0.5, /**/ 0.97, 0.95, /**/ 0, 0),
  })
  assert.deepEqual([lists.count(1), lists.other(1, 0), lists.other(1, 1)], [2, 2, 0])
  assert.deepEqual([lists.count(2), lists.other(2, 0), lists.score(2, 0)], [1, 1, Math.fround(0.95)])
})
