import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dot } from '../../../../src/cosine.js'
import { CoarseCodes } from '../../../../src/engines/embedded/vector-index/coarse-codes.js'
import { unitVectors } from './unit-vectors.js'

for (const dimension of [512, 527, 130]) {
  test(`a code of ${dimension} bits estimates the score without bias, with an error of about 1/√dimension`, () => {
    const codes = new CoarseCodes(dimension)
    const makeVector = unitVectors({ dimension, seed: 3 })
    const code = new Uint8Array(codes.bytes + 2)
    let [sum, squares, count] = [0, 0, 0]
    for (let i = 0; i < 40; i++) {
      const query = makeVector()
      const table = codes.query(query)
      for (let j = 0; j < 50; j++) {
        const vector = makeVector()
        const factor = codes.encode(vector, 0, code, 1)
        const error = factor * codes.estimate(table, code, 1) - dot(query, vector, 0)
        sum += error
        squares += error * error
        count++
      }
    }
    assert.deepEqual([code[0], code.at(-1)], [0, 0], 'nothing is written beside the code')
    assert.ok(Math.abs(sum / count) < 0.2 / Math.sqrt(dimension), `bias ${sum / count}`)
    assert.ok(Math.sqrt(squares / count) < 1 / Math.sqrt(dimension), `error ${Math.sqrt(squares / count)}`)
  })
}

test('a vector concentrated in one dimension is estimated as well as any other', () => {
  const codes = new CoarseCodes(512)
  const alone = Float32Array.from({ length: 512 }, (_, i) => (i === 7 ? 1 : 0))
  const other = Float32Array.from({ length: 512 }, (_, i) => (i === 8 ? 1 : 0))
  const code = new Uint8Array(codes.bytes)
  const factor = codes.encode(alone, 0, code, 0)
  assert.ok(Math.abs(factor * codes.estimate(codes.query(alone), code, 0) - 1) < 1e-5, 'the query itself has no error')
  assert.ok(Math.abs(factor * codes.estimate(codes.query(other), code, 0)) < 0.2)
})
