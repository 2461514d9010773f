import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobRecord, RunReading } from '../../src/jobs/job.js'
import { paceOf } from '../../src/jobs/pace.js'

const job = (more: Partial<JobRecord>) =>
  ({ state: 'running', total: null, done: 0, startedAt: null, finishedAt: null, ...more }) as JobRecord
const run = (more: Partial<RunReading>): RunReading => ({
  elapsedMs: 10_000,
  doneInThisRun: 50,
  shareAtStart: 0,
  share: 0,
  ...more,
})

test('pace and remaining time are by count if the total is known, else by bytes', () => {
  const rows: [
    name: string,
    job: JobRecord,
    run: RunReading | undefined,
    share: number,
    rate: number | null,
    left: number | null,
  ][] = [
    ['by count', job({ total: 200, done: 50 }), run({}), 0.25, 5, 30],
    ['resumed by count: the former life is no pace', job({ total: 200, done: 150 }), run({}), 0.75, 5, 10],
    ['by bytes', job({ done: 50 }), run({ share: 0.5 }), 0.5, 5, 10],
    ['resumed by bytes', job({ done: 500 }), run({ shareAtStart: 0.5, share: 0.75 }), 0.75, 5, 10],
    ['before the first', job({ total: 10 }), run({ doneInThisRun: 0 }), 0, null, null],
    ['no bytes read', job({}), run({}), 0, 5, null],
    ['empty', job({ total: 0 }), run({ doneInThisRun: 0 }), 1, null, null],
    ['waiting', job({ state: 'queued', total: 10 }), undefined, 0, null, null],
    [
      'succeeded',
      job({
        state: 'succeeded',
        total: 60,
        done: 60,
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:30Z',
      }),
      undefined,
      1,
      2,
      0,
    ],
    [
      'completed with errors',
      job({
        state: 'completed_with_errors',
        total: 60,
        done: 60,
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:30Z',
      }),
      undefined,
      1,
      2,
      0,
    ],
    ['cancelled', job({ state: 'cancelled', total: 60, done: 15 }), undefined, 0.25, null, null],
  ]
  for (const [name, record, reading, share, picturesPerSecond, secondsLeft] of rows) {
    assert.deepEqual(paceOf(record, reading), { share, picturesPerSecond, secondsLeft }, name)
  }
})
