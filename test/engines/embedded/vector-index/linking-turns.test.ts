import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LinkingTurns } from '../../../../src/engines/embedded/vector-index/linking-turns.js'

test('indexes with something to link take turns, and the others are not looked at', () => {
  const turns = new LinkingTurns()
  const left = new Map([
    [1, 2],
    [2, 1],
    [3, 3],
  ])
  for (const index of left.keys()) turns.add(index)
  const worked: number[] = []
  const work = (index: number) => {
    worked.push(index)
    left.set(index, left.get(index)! - 1)
    return left.get(index)! > 0
  }
  let slice = 0
  while (!turns.areOver) {
    const until = worked.length + 2
    turns.take(work, () => worked.length >= until)
    slice++
  }
  assert.deepEqual([worked, slice], [[1, 2, 3, 1, 3, 3], 4])
  turns.add(2)
  turns.take(work, () => false)
  assert.deepEqual(worked.slice(6), [2])
})
