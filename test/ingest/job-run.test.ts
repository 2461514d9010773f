/** The groups in which a run's items are committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobProgress } from '../../src/gallery/job-progress.js'
import { JobRun } from '../../src/ingest/job-run.js'
import type { Source } from '../../src/ingest/source.js'
import { newRecord } from '../../src/jobs/job-changes.js'
import { createMetrics } from '../../src/metrics/metrics.js'

function sourceOf(count: number): Source {
  return {
    total: count,
    share: 1,
    async *items(from) {
      for (let index = from; index < count; index++) yield { index, name: `${index}`, skipped: true }
    },
    async close() {},
  }
}

test('a group holds only items that an earlier run may have counted, or only others', async () => {
  const job = { ...newRecord({ id: 'j', gallery: 'g', source: null }, 'uid', ''), position: 2 }
  const steps: JobProgress[] = []
  const run = new JobRun(job, sourceOf(9), {
    parts: undefined as never, // needed for pictures only
    metrics: createMetrics(),
    concurrency: 4,
    uploadMaxBytes: 1,
    trials: { runs: 1, alone: null, givenUp: 0 },
    giveUp: undefined,
    signal: new AbortController().signal,
    note: async () => {},
    advance: async (progress) => void steps.push(progress),
    triedTo: 5,
  })
  assert.equal(await run.run(), 9)
  const groups = steps.map(({ from, position, skipped }) => ({ from, position, skipped }))
  assert.deepEqual(
    groups.map(({ from, position }) => position - from!),
    groups.map(({ skipped }) => skipped),
    'each item is counted',
  )
  assert.deepEqual([groups[0]?.from, groups.at(-1)?.position], [2, 9])
  assert.ok(
    groups.some(({ position }) => position === 5),
    JSON.stringify(groups),
  )
  assert.deepEqual([run.position, run.triedTo], [9, 9])
})
