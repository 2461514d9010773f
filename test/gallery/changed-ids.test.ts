import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangedIds } from '../../src/gallery/changed-ids.js'

test('ids wait once each, in order, until they are taken', () => {
  const changed = new ChangedIds(10)
  changed.note(['a', 'b', 'a', 'c'])
  assert.deepEqual([changed.reading().count, changed.isEmpty()], [3, false])
  assert.deepEqual(changed.take(2).ids, ['a', 'b'])
  assert.deepEqual(changed.take(2).ids, ['c'])
  assert.deepEqual([changed.take(2).ids, changed.isEmpty()], [[], true])
})

test('an id waits in the form in which its picture is stored, too', () => {
  const changed = new ChangedIds(10)
  const [composed, decomposed] = ['\u00e9', 'e\u0301']
  changed.note([decomposed])
  const { ids, undo } = changed.take(1)
  assert.deepEqual(ids, [decomposed])
  undo()
  assert.deepEqual([...changed.take(10).ids].sort(), [decomposed, composed].sort())
})

test('beyond the bound, or if the ids are unknown, everything is to be compared; later changes are recorded again', () => {
  const changed = new ChangedIds(3)
  changed.note(['a', 'b', 'c'])
  assert.equal(changed.reading().count, 3)
  changed.note(['d'])
  assert.deepEqual([changed.reading().count, changed.isEmpty()], [1, false])
  changed.note(['e'])
  assert.equal(changed.take(10).ids, 'all')
  changed.note(['f'])
  assert.deepEqual(changed.take(10).ids, ['f'])
  changed.note('all')
  assert.equal(changed.take(10).ids, 'all')
  assert.equal(changed.isEmpty(), true)
})

test('a change that could not be applied, or a comparison, has waited since it was first recorded', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
  const changed = new ChangedIds(3)
  assert.deepEqual(changed.reading(), { count: 0, since: undefined })
  changed.note(['a'])
  t.mock.timers.setTime(2_000)
  changed.note(['b'])
  const taken = changed.take(1)
  assert.deepEqual([taken.ids, changed.reading()], [['a'], { count: 1, since: 2_000 }])
  t.mock.timers.setTime(3_000)
  changed.note(['a'])
  taken.undo()
  assert.deepEqual([changed.reading(), changed.take(3).ids], [{ count: 2, since: 1_000 }, ['b', 'a']])
  changed.note(['c'])
  changed.note('all')
  const all = changed.take(3)
  t.mock.timers.setTime(4_000)
  all.undo()
  assert.deepEqual([all.ids, changed.reading()], ['all', { count: 1, since: 3_000 }])
})

test('a waiter is notified of the next change, immediately of an earlier one, and of the end', async () => {
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
