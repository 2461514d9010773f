/** What keys that may not do everything lack. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lackOf } from '../../src/console/api/permissions.js'

const reader = { verbs: ['search', 'read', 'metrics'], jobs: [], galleries: null }
const writer = { ...reader, verbs: [...reader.verbs, 'write'], jobs: ['ingest', 'evaluate'] }
const inShop = { ...writer, galleries: ['shop-*'] }

test('the first need that a key does not meet is what it lacks', () => {
  for (const [caller, needs, lack] of [
    [reader, 'search', undefined],
    [reader, 'write', 'write'],
    [reader, ['write', 'delete'], 'write'],
    [reader, 'ingest', 'ingest'],
    [writer, ['write', 'ingest'], undefined],
    [writer, ['write', 'delete'], 'delete'],
    [writer, ['write', 'move'], 'move'],
    [writer, ['metrics', 'every gallery'], undefined],
    [inShop, ['metrics', 'every gallery'], 'every gallery'],
    [inShop, 'metrics', undefined],
  ] as const)
    assert.equal(lackOf(caller, needs), lack, `${caller.verbs} ${caller.galleries}: ${needs}`)
})
