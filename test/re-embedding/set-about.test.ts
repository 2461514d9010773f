import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GateReport } from '../../src/re-embedding/gate-report.js'
import { aboutFormer } from '../../src/re-embedding/set-about.js'

test('of a set that served, what a gate and a comparison found is forgotten, and the rest is remembered', () => {
  const about = {
    isMade: true,
    withoutOriginal: 'leave_out',
    keptUntil: '2026-01-01T00:00:00.000Z',
    gate: { passed: true } as GateReport,
    compared: { images: 3, checksum: 'ab', comparedAt: '2026-01-01T00:00:00.000Z' },
  } as const
  assert.deepEqual(aboutFormer(about, new Date('2026-11-26T12:00:00Z'), 1.5), {
    isMade: true,
    withoutOriginal: 'leave_out',
    keptUntil: '2026-11-28T00:00:00.000Z',
  })
})
