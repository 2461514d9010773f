import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangedIds } from '../../src/gallery/changed-ids.js'

test('ids wait once each, in their order, until they are taken', () => {
  const changed = new ChangedIds(10)
  changed.note(['a', 'b', 'a', 'c'])
  assert.deepEqual([changed.count, changed.isEmpty], [3, false])
  assert.deepEqual(changed.take(2), ['a', 'b'])
  assert.deepEqual(changed.take(2), ['c'])
  assert.deepEqual([changed.take(2), changed.isEmpty], [[], true])
})

test('beyond the bound, or where it is not known which, all are to be compared; what comes after that is noted again', () => {
  const changed = new ChangedIds(3)
  changed.note(['a', 'b', 'c'])
  assert.equal(changed.count, 3)
  changed.note(['d'])
  assert.deepEqual([changed.count, changed.isEmpty], [0, false])
  changed.note(['e'])
  assert.equal(changed.take(10), 'all')
  changed.note(['f'])
  assert.deepEqual(changed.take(10), ['f'])
  changed.note('all')
  assert.equal(changed.take(10), 'all')
  assert.equal(changed.isEmpty, true)
})

test('who waits is told of the next note, at once of one before, and of the end', async () => {
  const changed = new ChangedIds(3)
  const stop = new AbortController()
  const waiting = changed.waiting(stop.signal)
  changed.note([])
  changed.note(['a'])
  await waiting
  await changed.waiting(stop.signal)
  changed.take(1)
  const last = changed.waiting(stop.signal)
  stop.abort()
  await last
})
