import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupHits } from '../../src/ranking/groups.js'

const hits = [
  { id: 'a', tags: ['x'] },
  { id: 'b', tags: ['y', 'x'] },
  { id: 'c', tags: [] },
  { id: 'd', tags: ['x', 'x'] },
  { id: 'e', tags: ['y'] },
  { id: 'f', tags: ['z'] },
]
const shown = (size: number) =>
  groupHits(hits, ({ tags }) => tags, size).map(({ key, hits: members }) => [key, members.map(({ id }) => id).join('')])

test('groups are in the order of their best hits, hits in theirs, up to the group size', () => {
  assert.deepEqual(shown(2), [
    ['x', 'ab'],
    ['y', 'be'],
    ['z', 'f'],
  ])
  assert.deepEqual(shown(1), [
    ['x', 'a'],
    ['y', 'b'],
    ['z', 'f'],
  ])
  assert.deepEqual(shown(9)[0], ['x', 'abd'])
})

test('the number 1, the text 1 and true are three groups', () => {
  assert.deepEqual(
    groupHits([1, '1', true, 1], (key) => [key], 5).map(({ hits: { length } }) => length),
    [2, 1, 1],
  )
})
