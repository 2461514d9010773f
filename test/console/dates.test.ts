import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dateText, momentText } from '../../src/console/controls/dates.js'

test('a date names its month, so that every reader takes it for the same day', () => {
  assert.equal(dateText('2026-11-12T12:00:00Z'), '12 Nov 2026')
  assert.match(momentText('2026-11-12T12:00:00Z'), /^12 Nov 2026, \d\d:00$/)
})
