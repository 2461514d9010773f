import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holds, type Versioned, versionOf } from '../../src/gallery/precondition.js'

const record = { id: 'a', label: null as string | null, updatedAt: '2026-03-02T17:05:21.412Z' }
const relabelled = { ...record, label: 'null' }
const reference = 'https://images.example.com/a.jpg'

test('the version of a record depends on all of it but not on the order of its members, nor on a secret query of its reference', () => {
  const { id, label, updatedAt } = record
  const reordered = { updatedAt, reference: undefined, label, id }
  assert.equal(versionOf(reordered), versionOf(record))
  const others: Versioned[] = [
    relabelled,
    { ...record, updatedAt: '2026-03-02T17:05:21.413Z' },
    { ...record, reference },
    { ...record, reference: `${reference}x` },
  ]
  assert.equal(new Set([record, ...others].map(versionOf)).size, 1 + others.length)
  for (const secret of ['?token=1234', '?', '#1\n2'])
    assert.equal(versionOf({ ...record, reference: reference + secret }), versionOf({ ...record, reference }))
})

test('a condition holds for what is stored, or for nothing', () => {
  const [seen, other] = [versionOf(record), versionOf(relabelled)]
  for (const [condition, ofStored, ofNothing] of [
    [{}, true, true],
    [{ match: 'any' }, true, false],
    [{ noneMatch: 'any' }, false, true],
    [{ match: [other, seen] }, true, false],
    [{ match: [other] }, false, false],
    [{ noneMatch: [other] }, true, true],
    [{ noneMatch: [other, seen] }, false, true],
    [{ match: 'any', noneMatch: [other] }, true, false],
    [{ match: [seen], noneMatch: 'any' }, false, false],
  ] as const)
    assert.deepEqual([holds(condition, record), holds(condition, undefined)], [ofStored, ofNothing])
})
