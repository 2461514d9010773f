import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateCopies, meanFirstHit } from '../../src/eval/copies.js'

const unit = (...angles: number[]) => Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)]))
const originals = {
  ids: ['a', 'b', 'b-again', 'c'],
  labels: ['x', 'x', 'x', 'y'],
  groups: ['a', 'b', 'b', 'c'],
  embeddings: unit(0, 1, 1.2, 2),
  dimension: 2,
}

test('a copy counts if its original, or a picture of the same group, ranks first', () => {
  const copies = {
    ids: ['a', 'b', 'a', 'b'],
    labels: ['x', 'x', 'x', 'x'],
    groups: ['a', 'b', 'a', 'b'],
    embeddings: unit(0.1, 1.19, 0.6, 1.9),
    dimension: 2,
    edits: ['grey', 'grey', 'half', 'half'],
  }
  const quality = evaluateCopies(copies, originals)
  assert.deepEqual(quality, { pictures: 2, gallery: 4, firstHit: { grey: 1, half: 0 } })
  assert.equal(meanFirstHit(quality), 0.5)
})

test('without copies there is no mean', () => {
  assert.equal(
    meanFirstHit(
      evaluateCopies(
        { ids: [], labels: [], groups: [], embeddings: new Float32Array(0), dimension: 2, edits: [] },
        originals,
      ),
    ),
    null,
  )
})
