import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathering } from '../../src/insight-jobs/gathering.js'

const gallery = {
  ids: ['a', 'b', 'c', 'd'],
  labels: [null, null, null, null],
  contentHashes: ['1', '2', '3', '1'],
  slots: Uint32Array.of(40, 10, 30, 20),
  dimension: 2,
  vectors: new Float32Array(0),
}

test('slots become positions; pictures that came later are passed over', () => {
  const gathering = new Gathering(gallery, { minScore: 0.9, depth: 2 })
  const full = gathering.take({
    asked: Uint32Array.of(10, 30, 20),
    k: 2,
    counts: Uint32Array.of(2, 2, 0),
    slots: Uint32Array.of(30, 40, /**/ 99, 10, /**/ 0, 0),
    scores: Float32Array.of(0.95, 0.5, /**/ 0.97, 0.95, /**/ 0, 0),
  })
  assert.deepEqual([...full], [30], 'both of its neighbours are copies: there may be more')
  const { lists, groups } = gathering
  assert.deepEqual([lists.count(1), lists.other(1, 0), lists.other(1, 1)], [2, 2, 0])
  assert.deepEqual([lists.count(2), lists.other(2, 0), lists.score(2, 0)], [1, 1, Math.fround(0.95)])
  assert.deepEqual(groups.list(), [[0, 3], [1, 2]], 'equal files are joined without being asked for')
})

test('without depth only near-copies are kept', () => {
  const gathering = new Gathering(gallery, { minScore: 0.9, depth: 0 })
  gathering.take({ asked: Uint32Array.of(10), k: 1, counts: Uint32Array.of(1), slots: Uint32Array.of(40), scores: Float32Array.of(0.9375) })
  assert.deepEqual([gathering.lists.count(1), gathering.groups.list()], [0, [[0, 1, 3]]])
})
