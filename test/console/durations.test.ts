import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText } from '../../src/console/controls/durations.js'

test('a duration is told in its two largest units', () => {
  for (const [seconds, text] of [
    [0, '0 s'],
    [39.2, '40 s'],
    [300, '5 min'],
    [5_400, '1 h 30 min'],
    [183_600, '2 d 3 h'],
  ] as const)
    assert.equal(durationText(seconds), text)
})
