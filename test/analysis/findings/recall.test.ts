import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kthScores, recallOf } from '../../../src/analysis/findings/recall.js'

// cosines to the first: 1, .8, .6, 0, −1
const vectors = Float32Array.from([1, 0, 0.8, 0.6, 0.6, 0.8, 0, 1, -1, 0])

test('the k-th best score excludes the query itself', () => {
  const near = (found: Float32Array, expected: number[]) =>
    expected.forEach((value, i) => assert.ok(Math.abs(found[i]! - value) < 1e-6, `${found[i]} is not ${value}`))
  near(kthScores({ vectors, dimension: 2 }, Uint32Array.of(0), 1), [0.8])
  near(kthScores({ vectors, dimension: 2 }, Uint32Array.of(0, 4), 3), [0, -0.8])
  near(kthScores({ vectors, dimension: 2 }, Uint32Array.of(0), 9), [-1])
  assert.deepEqual([...kthScores({ vectors: Float32Array.of(1, 0), dimension: 2 }, Uint32Array.of(0), 3)], [-Infinity])
})

test('a picture that was removed while the gallery was read has no vector, and is nobody’s neighbour', () => {
  for (const vectors of [
    [1, 0, 0, 0, 0.8, 0.6, 0.6, 0.8],
    [1, 0, 0.8, 0.6, 0.6, 0.8, 0, 0],
  ]) {
    const [score] = kthScores({ vectors: Float32Array.from(vectors), dimension: 2 }, Uint32Array.of(0), 2)
    assert.ok(Math.abs(score! - 0.6) < 1e-6, `${score}`)
  }
  assert.deepEqual(
    [...kthScores({ vectors: Float32Array.of(0, 0, 1, 0), dimension: 2 }, Uint32Array.of(0), 1)],
    [-Infinity],
  )
})

test('a neighbour is right if it scores at least as high as the true last one', () => {
  const truths = Float32Array.of(0.6, 0.5)
  const found = Float32Array.of(0.8, 0.6, /**/ 0.7, 0.4)
  assert.equal(recallOf({ counts: Uint32Array.of(2, 2), found, truths, k: 2, others: 4 }), 3 / 4)
  assert.equal(
    recallOf({ counts: Uint32Array.of(2, 0), found, truths, k: 2, others: 4 }),
    2 / 4,
    'what was not found is reported as missing',
  )
  assert.equal(
    recallOf({ counts: Uint32Array.of(1, 1), found: Float32Array.of(0.6, 0, 0.5, 0), truths, k: 2, others: 1 }),
    1,
    'no more can be found than there are',
  )
  assert.equal(
    recallOf({ counts: new Uint32Array(0), found: new Float32Array(0), truths: new Float32Array(0), k: 2, others: 4 }),
    null,
  )
})
