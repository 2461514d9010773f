import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobTrace } from '../../src/ingest/job-trace.js'

const durations = { decodeMs: 1, queueMs: 2, embedMs: 3 }

test('a group consists of its commit and the stages of its first picture, in sequence', () => {
  const told: [string, number, number][] = []
  const trace = new JobTrace((name, startedAt, durationMs) => told.push([name, startedAt, durationMs]))
  trace.embedded(100, durations)
  trace.embedded(200, durations)
  trace.committed(500, 2)
  trace.committed(600, 1)
  assert.deepEqual(told.slice(0, 3), [
    ['decode', 100, 1],
    ['queue', 101, 2],
    ['embed', 103, 3],
  ])
  assert.deepEqual(
    told.slice(3).map(([name, startedAt]) => [name, startedAt]),
    [
      ['commit', 500],
      ['commit', 600],
    ],
  )
})

test('a job with a million pictures has a few thousand spans', () => {
  let parts = 0
  let last = 0
  const trace = new JobTrace((_name, startedAt) => {
    parts += 1
    last = startedAt
  })
  const groups = Math.floor(1_000_000 / 48)
  for (let group = 0; group < groups; group++) {
    trace.embedded(group, durations)
    trace.committed(group, 48)
  }
  assert.ok(parts >= 400 && parts < 4_000, `${parts}`)
  assert.ok(last > 0.98 * groups, `${last}`)
})
