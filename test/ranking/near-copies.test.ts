import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutCopies } from '../../src/ranking/near-copies.js'

test('a candidate that copies a kept one, or a better one in its block, is dropped; a copy of a dropped one stays', () => {
  const likeness = Float32Array.from([
    // kept, then the block itself
    0.5, 1, 0.995, 0.2, 0.1, 0.5, 0.995, 1, 0.995, 0.1, 0.5, 0.2, 0.995, 1, 0.1, 0.99, 0.1, 0.1, 0.1, 1,
  ])
  const block = { likeness, count: 4, kept: 1 }
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 0.98 }), [0, 2])
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 0.992 }), [0, 2, 3])
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 1 }), [0, 1, 2, 3])
  assert.deepEqual(withoutCopies({ likeness: new Float32Array(0), count: 0, kept: 1, duplicateScore: 0.9 }), [])
})

test('a candidate is compared with every kept one and every better one that stayed', () => {
  // two kept, three candidates: the first copies the second kept one, the third the second candidate
  const likeness = Float32Array.of(0.1, 0.9, 1, 0.3, 0.2, 0.1, 0.2, 0.3, 1, 0.9, 0.1, 0.2, 0.2, 0.9, 1)
  // 0.9 as it is stored: a score equal to the bound is a copy
  const block = { likeness, count: 3, kept: 2, duplicateScore: Math.fround(0.9) }
  assert.deepEqual(withoutCopies(block), [1])
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 0.91 }), [0, 1, 2])
})
