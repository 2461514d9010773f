import assert from 'node:assert/strict'
import { test } from 'node:test'
import { likeliestLabels } from '../../src/embedding/likeliest-labels.js'

test('labels are ordered by probability, and probabilities sum to 1 however large the logits are', () => {
  const labels = ['a', 'b', 'c', 'd']
  for (const shift of [0, 1e4, -1e4]) {
    const likely = likeliestLabels(Float32Array.of(shift, shift + 2, shift - 3, shift + 1), labels, 4)
    assert.deepEqual(
      likely.map(({ label }) => label),
      ['b', 'd', 'a', 'c'],
    )
    const sum = likely.reduce((total, { probability }) => total + probability, 0)
    assert.ok(Math.abs(sum - 1) < 1e-12)
    assert.ok(Math.abs(likely[0]!.probability / likely[1]!.probability - Math.E) < 1e-9)
  }
  assert.equal(likeliestLabels(Float32Array.of(1, 2, 3, 4), labels, 2).length, 2)
})
