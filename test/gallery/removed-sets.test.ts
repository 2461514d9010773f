/** When a removed set needs no more attention. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSettled } from '../../src/gallery/removed-sets.js'

test('a removed set is watched for an hour: its storage may be created after its removal', () => {
  const removedAt = '2026-01-01T00:00:00.000Z'
  for (const [now, expected] of [
    ['2026-01-01T00:00:00.000Z', false],
    ['2026-01-01T01:00:00.000Z', false],
    ['2026-01-01T01:00:00.001Z', true],
    ['2025-12-31T00:00:00.000Z', false], // a clock that is behind
  ] as const)
    assert.equal(isSettled({ removedAt }, Date.parse(now)), expected, now)
})
