import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergedMetadata } from '../../src/gallery/merged-metadata.js'
import type { Metadata } from '../../src/gallery/metadata.js'

/** The examples of RFC 7396, appendix A, whose both sides are objects. */
const examples: [Metadata, Metadata, Metadata][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

for (const [stored, merge, expected] of examples)
  test(`${JSON.stringify(merge)} merged into ${JSON.stringify(stored)}`, () => {
    const before = structuredClone(stored)
    assert.deepEqual(mergedMetadata({ metadata: stored }, { members: merge }), expected)
    assert.deepEqual(stored, before)
  })

test('members named like those of every object are members like others', () => {
  const members: Metadata = JSON.parse('{"constructor": {"name": "x"}, "toString": "y"}')
  assert.deepEqual(mergedMetadata({ metadata: {} }, { members }), members)
})

test('what cannot be read, or would be too large, is not merged', () => {
  assert.equal(mergedMetadata({ metadata: {}, unreadable: 'metadata' }, { members: {} }), 'image_damaged')
  const stored = { text: 'é'.repeat(20) }
  assert.deepEqual(mergedMetadata({ metadata: stored }, { members: { a: 1 }, maxBytes: 57 }), { ...stored, a: 1 })
  assert.equal(mergedMetadata({ metadata: stored }, { members: { a: 1 }, maxBytes: 56 }), 'metadata_too_large')
  const full = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, i]))
  assert.equal(mergedMetadata({ metadata: full }, { members: { more: 1 } }), 'metadata_too_large')
  assert.deepEqual(mergedMetadata({ metadata: full }, { members: { m0: 'new' } }), { ...full, m0: 'new' })
})
