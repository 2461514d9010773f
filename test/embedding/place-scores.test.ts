import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeScores } from '../../src/embedding/place-scores.js'

const unit = (...values: number[]) => {
  const length = Math.hypot(...values)
  return Float32Array.from(values, (value) => value / length)
}
/** Two places, one above the other: the first holds the first component of the embedding, the second the others. */
function mapOf(vector: Float32Array) {
  const values = Float32Array.from([vector[0]!, 0, 0, 0, vector[1]!, vector[2]!])
  return { vector, values, height: 2, width: 1 }
}
const close = (found: number, expected: number) => Math.abs(found - expected) < 1e-6

test('each place has its own share of the score', () => {
  const { grid, sum, ownScore, likeness } = placeScores(mapOf(unit(3, 0, 4)), unit(1, 0, 0))
  assert.ok(close(grid[0]![0]!, 0.6) && close(grid[1]![0]!, 0))
  assert.deepEqual([close(sum, 0.6), sum === ownScore, likeness], [true, true, 1])
})

test('the substitute for a stored picture is scaled to its score if the two agree, and keeps its own if they do not', () => {
  const other = unit(1, 1, 0)
  const agreeing = placeScores(mapOf(unit(3, 1, 1)), other, unit(3, 1, 0.9))
  const storedScore = 4 / Math.hypot(3, 1, 0.9) / Math.SQRT2
  assert.ok(close(agreeing.sum, storedScore) && !close(agreeing.ownScore, storedScore))
  assert.ok(
    close(
      agreeing.grid.flat().reduce((a, b) => a + b),
      storedScore,
    ),
  )
  for (const stored of [unit(0, 1, 3), unit(1, 0, 3)]) {
    const apart = placeScores(mapOf(unit(3, 1, 1)), other, stored)
    assert.equal(apart.sum, apart.ownScore)
    assert.ok(apart.likeness < 0.9)
  }
})

test('a map that does not quite sum up has its remainder spread evenly', () => {
  const map = mapOf(unit(3, 0, 4))
  map.values[0]! += 0.002
  const { grid, sum } = placeScores(map, unit(1, 0, 0))
  assert.ok(close(grid[0]![0]! + grid[1]![0]!, sum) && close(grid[1]![0]!, -0.001))
})
