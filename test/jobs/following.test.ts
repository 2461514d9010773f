/** Following a job that another process runs: its changes are announced. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { JobChanges } from '../../src/jobs/changes.js'
import { followJob } from '../../src/jobs/following.js'
import type { JobStore } from '../../src/jobs/job-store.js'
import type { Jobs } from '../../src/jobs/jobs.js'

test('a change that is announced while the follower pauses is seen after the pause', async (t) => {
  let announce: (jobId: string | undefined) => void = () => {}
  const store = { lease: { renewEveryMs: 1, maxMs: 1 }, onChange: (heard: typeof announce) => (announce = heard) }
  const changes = new JobChanges(store as unknown as JobStore)
  const job: Record<string, unknown> = { id: 'j', kind: 'ingest', state: 'running', done: 0, finishedAt: null }
  const jobs = {
    report: async () => ({ job: { ...job } }),
    changed: (id: string, _kind: string, signal: AbortSignal) => changes.next(id, signal),
  } as unknown as Jobs
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  const follower = followJob(jobs, 'j', { signal: leaving.signal, lookEveryMs: 50 })
  const nextAfter = async (change: object) => {
    const told = follower.next()
    Object.assign(job, change) // while it pauses
    announce('j')
    return (await Promise.race([told, sleep(60_000, undefined, { ref: false })]))?.value?.event
  }
  assert.equal((await follower.next()).value?.event, 'progress')
  assert.equal(await nextAfter({ done: 1 }), 'progress')
  assert.equal(await nextAfter({ done: 2 }), 'progress')
  assert.equal(await nextAfter({ state: 'succeeded', finishedAt: '2026-01-01T00:00:00.000Z' }), 'end')
})

test('a wait for changes ends when its follower leaves, and those of others go on', async () => {
  let announce: (jobId: string | undefined) => void = () => {}
  const store = { lease: { renewEveryMs: 1, maxMs: 1 }, onChange: (heard: typeof announce) => (announce = heard) }
  const changes = new JobChanges(store as unknown as JobStore)
  const [leaving, staying] = [new AbortController(), new AbortController()]
  let hasStayed = true
  const left = changes.next('j', leaving.signal)
  const other = changes.next('j', staying.signal).then(() => (hasStayed = false))
  leaving.abort()
  await left
  await sleep(1)
  assert.ok(hasStayed)
  announce('j')
  await other
})
