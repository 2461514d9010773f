import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstComparable, withoutCopies } from '../../src/ranking/near-copies.js'
import { unitVectors } from '../vector-index/unit-vectors.js'

test('a candidate that is a copy of a kept one, or of a better one in its block, goes; a copy of what went stays', () => {
  const likeness = Float32Array.from([
    // kept, then the block itself
    0.5, 1, 0.995, 0.2, 0.1,
    0.5, 0.995, 1, 0.995, 0.1,
    0.5, 0.2, 0.995, 1, 0.1,
    0.99, 0.1, 0.1, 0.1, 1,
  ])
  const block = { likeness, count: 4, kept: 1 }
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 0.98 }), [0, 2])
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 0.992 }), [0, 2, 3])
  assert.deepEqual(withoutCopies({ ...block, duplicateScore: 1 }), [0, 1, 2, 3])
  assert.deepEqual(withoutCopies({ likeness: new Float32Array(0), count: 0, kept: 1, duplicateScore: 0.9 }), [])
})

test('no original of a near-copy lies before the first that has to be compared', () => {
  const make = unitVectors({ dimension: 8, seed: 4, clusters: 3, latent: 4 })
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const query = make()
  const ordered = Array.from({ length: 300 }, make).map((vector) => ({ vector, score: dot(query, vector) })).sort((a, b) => b.score - a.score)
  const scores = ordered.map(({ score }) => score)
  let spared = 0
  for (const duplicateScore of [0.9, 0.97, 0.99]) {
    for (let candidate = 1; candidate < 300; candidate += 7) {
      const first = firstComparable(scores.slice(0, candidate), scores[candidate]!, duplicateScore)
      spared += first
      for (let better = 0; better < first; better++) assert.ok(dot(ordered[better]!.vector, ordered[candidate]!.vector) < duplicateScore)
    }
  }
  assert.ok(spared > 1_000, 'many comparisons are spared')
})
