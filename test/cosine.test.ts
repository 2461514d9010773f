import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosine, scoreTolerance } from '../src/cosine.js'
import { seededRandom, unitVectors } from './engines/embedded/vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: 527, seed: 5 })
const vectors = Array.from({ length: 200 }, makeVector)

/** Each value rounded to half precision: eleven significant bits. */
function halved(vector: Float32Array): Float32Array {
  return vector.map((value) => {
    const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10)
    return Math.round(value / step) * step
  })
}

test('a vector scores exactly 1 against itself and −1 against its opposite, whatever the lengths', () => {
  for (const vector of vectors) {
    for (const length of [1, 1 + 1e-6, 0.995, 1.005]) {
      const scaled = vector.map((value) => value * length)
      assert.equal(cosine(vector, scaled), 1)
      assert.equal(
        cosine(
          scaled,
          scaled.map((value) => -value),
        ),
        -1,
      )
    }
  }
})

test('the embedding of a picture scores 1 against its half-precision form', () => {
  const random = seededRandom(2)
  for (const vector of vectors) {
    assert.equal(cosine(vector, halved(vector)), 1)
    // rounded down and rounded up: as far apart as two of them can be
    const [a, b] = [-1, 1].map((sign) =>
      vector.map((value) => value * (1 + sign * (random() < 0.5 ? 1 : -1) * 2 ** -11)),
    )
    assert.equal(cosine(a!, b!), 1)
  }
})

test('vectors farther apart than that keep their score', () => {
  for (const vector of vectors) {
    const other = makeVector()
    const exact = vector.reduce((sum, value, i) => sum + value * other[i]!, 0)
    assert.ok(Math.abs(cosine(vector, other) - exact) < 1e-6)
    assert.ok(Math.abs(cosine(vector, other)) < 1 - scoreTolerance)
  }
  // an angle of 2 · 10⁻³: a cosine of 1 − 2 · 10⁻⁶
  const score = cosine(Float32Array.of(1, 0), Float32Array.of(Math.cos(2e-3), Math.sin(2e-3)))
  assert.ok(score < 1 && score > 1 - 3e-6)
})
