/** Several jobs of one runner at once, each of another gallery. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobStore } from '../../src/jobs/job-store.js'
import { type Jobs, openJobs } from '../../src/jobs/jobs.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { until } from '../support/until.js'
import { HeldRunner } from './held-runner.js'
import { createJob, openHeldJobs, stateOf } from './opened-jobs.js'

const jobsAtOnce = 2

const takeIn = (jobs: Jobs, ...galleries: string[]): Promise<string[]> =>
  galleries.reduce<Promise<string[]>>(
    async (ids, gallery) => [...(await ids), await createJob(jobs, 'ingest', gallery)],
    Promise.resolve([]),
  )
const idsOf = ({ runs }: HeldRunner) => runs.map(({ job }) => job.id)
const runOf = ({ runs }: HeldRunner, id: string) => runs.findLast(({ job }) => job.id === id)!

test('jobs of several galleries run at once, and those of one gallery in order, without holding up others', async (t) => {
  const { jobs, takers } = await openHeldJobs(t, { jobsAtOnce })
  const [a1, a2, b1, b2, c1] = (await takeIn(jobs, 'a', 'a', 'b', 'b', 'c')) as [string, string, string, string, string]
  await until(() => takers.runs.length === 2)
  assert.deepEqual(idsOf(takers), [a1, b1])
  const group = 'taken'
  assert.deepEqual(await jobs.counts({ [group]: ['ingest'] }), [
    { group, state: 'queued', count: 3 },
    { group, state: 'paused', count: 0 },
    { group, state: 'running', count: 2 },
  ])
  runOf(takers, b1).end({ total: 0 })
  await until(() => takers.runs.length === 3)
  runOf(takers, a1).end({ total: 0 })
  await until(() => takers.runs.length === 4)
  runOf(takers, a2).end({ total: 0 })
  await until(() => takers.runs.length === 5)
  assert.deepEqual(idsOf(takers), [a1, b1, b2, a2, c1])
  assert.deepEqual(takers.discarded, [b1, a1, a2])
})

test('a paused job holds up no other, not even one of its gallery, and priorities apply among all galleries', async (t) => {
  const { jobs, takers } = await openHeldJobs(t, { jobsAtOnce })
  const [a1, b1] = (await takeIn(jobs, 'a', 'b')) as [string, string]
  await until(() => takers.runs.length === 2)
  const [a2, a3, b2, c1] = (await takeIn(jobs, 'a', 'a', 'b', 'c')) as [string, string, string, string]
  await jobs.steer(a2, { paused: true })
  await jobs.steer(c1, { priority: 5 })
  runOf(takers, a1).end({ total: 0 })
  await until(() => takers.runs.length === 3)
  runOf(takers, b1).end({ total: 0 })
  await until(() => takers.runs.length === 4)
  assert.deepEqual(idsOf(takers).slice(2), [c1, a3])
  await jobs.steer(a2, { paused: false })
  runOf(takers, a3).end({ total: 0 })
  await until(() => takers.runs.length === 5)
  runOf(takers, c1).end({ total: 0 })
  await until(() => takers.runs.length === 6)
  assert.deepEqual(idsOf(takers).slice(4), [a2, b2])
})

test('what happens to one running job leaves the other alone, and each reports its own progress', async (t) => {
  const { galleries, jobs, takers, ends } = await openHeldJobs(t, { jobsAtOnce })
  const [other, ...ids] = (await takeIn(jobs, 'a', 'b', 'b', 'b', 'b')) as [string, string, string, string, string]
  const reading = { elapsedMs: 1_000, shareAtStart: 0, share: 0.5 }
  await until(() => takers.runs.length === 2)
  runOf(takers, other).control.report(() => ({ ...reading, doneInThisRun: 7 }))
  runOf(takers, ids[0]!).control.report(() => ({ ...reading, doneInThisRun: 3 }))
  const rates = (await jobs.list({ states: ['running'] })).map(({ job, pace }) => [job.id, pace.picturesPerSecond])
  assert.deepEqual(rates, [
    [ids[0], 3],
    [other, 7],
  ])
  const run = async (index: number) => {
    await until(() => takers.runs.some(({ job }) => job.id === ids[index]))
    return runOf(takers, ids[index]!)
  }
  assert.equal((await jobs.cancel(ids[0]!)).job.state, 'cancelled')
  assert.equal((await jobs.steer((await run(1)).job.id, { paused: true })).job.state, 'queued')
  ;(await run(2)).fail(new AlikeError('archive_unreadable'))
  await run(3)
  await galleries.delete('b')
  runOf(takers, ids[3]!).fail(new AlikeError('gallery_not_found'))
  await until(() => ends.length === 3)
  assert.deepEqual(
    ends.map(({ state }) => state),
    ['cancelled', 'failed', 'failed'],
  )
  assert.deepEqual([await stateOf(jobs, other), runOf(takers, other).control.signal.aborted], ['running', false])
  runOf(takers, other).end({ total: 0 })
  await until(() => ends.length === 4)
  assert.equal(await stateOf(jobs, other), 'succeeded')
})

test('a stop puts back all running jobs; after a crash they run again, the first alone until it has recovered', async (t) => {
  const dataDir = await dataFolder(t)
  let ids: string[] = []
  for (const [crashed, states] of [
    [false, ['queued', 'queued']],
    [true, ['running', 'running']],
  ] as const) {
    const { galleries, jobs, takers } = await openHeldJobs(t, { dataDir, jobsAtOnce })
    if (ids.length === 0) ids = await takeIn(jobs, 'a', 'b')
    await until(() => takers.runs.length === 2)
    assert.ok(takers.runs.every(({ control }) => control.trials.runs === 1))
    await jobs.close(crashed)
    assert.ok(takers.runs.every(({ control }) => control.signal.aborted))
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await jobsOf(galleries).get(id))?.state)), states)
    await galleries.close()
  }
  const { jobs, takers } = await openHeldJobs(t, { dataDir, jobsAtOnce })
  const [later] = (await takeIn(jobs, 'c')) as [string]
  await until(() => takers.runs.length === 1)
  await nextTurn()
  assert.deepEqual(idsOf(takers), ids.slice(0, 1))
  takers.runs[0]!.control.recovered()
  await until(() => takers.runs.length === 2)
  takers.runs[0]!.end({ total: 0 })
  takers.runs[1]!.end({ total: 0 })
  await until(() => takers.runs.length === 3)
  assert.deepEqual(
    takers.runs.map(({ job, control }) => [job.id, control.trials.runs]),
    [
      [ids[0], 2],
      [ids[1], 2],
      [later, 1],
    ],
  )
})

test('after a crash, the job that was interrupted runs before any that waits, whatever their priorities', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openHeldJobs(t, { dataDir })
  const ids = await takeIn(first.jobs, 'a', 'a', 'b')
  for (const id of ids.slice(1)) await first.jobs.steer(id, { priority: 5 })
  await until(() => first.takers.runs.length === 1)
  await first.jobs.close(true)
  await first.galleries.close()
  const { takers } = await openHeldJobs(t, { dataDir, jobsAtOnce })
  await until(() => takers.runs.length === 1)
  assert.deepEqual(idsOf(takers), ids.slice(0, 1))
  takers.runs[0]!.control.recovered()
  await until(() => takers.runs.length === 2)
  takers.runs[0]!.end({ total: 0 })
  await until(() => takers.runs.length === 3)
  assert.deepEqual(idsOf(takers), [ids[0], ids[2], ids[1]])
})

test('a stop ends a job that is alone after a crash', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openHeldJobs(t, { dataDir, jobsAtOnce })
  await takeIn(first.jobs, 'a', 'b')
  await until(() => first.takers.runs.length === 2)
  await first.jobs.close(true)
  await first.galleries.close()
  const { jobs, takers } = await openHeldJobs(t, { dataDir, jobsAtOnce })
  await until(() => takers.runs.length === 1)
  await jobs.close()
  assert.equal(takers.runs.length, 1)
})

test('a job that waits for an unreachable engine holds up no job of another gallery', async (t) => {
  const { jobs, takers, ends } = await openHeldJobs(t, { jobsAtOnce })
  const [waiting, ...others] = (await takeIn(jobs, 'a', 'b', 'c')) as [string, ...string[]]
  await until(() => takers.runs.length === 2)
  runOf(takers, waiting).fail(new AlikeError('engine_unreachable', { retryAfterSeconds: 5 }))
  for (const id of others) {
    await until(() => runOf(takers, id) !== undefined)
    runOf(takers, id).end({ total: 0 })
  }
  await until(() => ends.length === 2)
  assert.equal(await stateOf(jobs, waiting), 'running')
})

test('jobs whose end finds no room on the disk are both suspended, and run again later', async (t) => {
  const { galleries, jobs, takers, log } = await openHeldJobs(t, { jobsAtOnce })
  const ids = await takeIn(jobs, 'a', 'b')
  await until(() => takers.runs.length === 2)
  const full = t.mock.method(jobsOf(galleries), 'transition', async () => {
    throw new AlikeError('storage_full')
  })
  for (const { fail } of takers.runs) fail(new AlikeError('storage_full'))
  await until(
    () => log.filter(({ message }) => message.startsWith('the state of a job that waits for room')).length === 2,
  )
  full.mock.restore()
  assert.equal(jobs.withoutRoom().find(({ kind }) => kind === 'ingest')?.count, 2)
  for (const id of ids) assert.equal(await stateOf(jobs, id), 'running')
  await jobs.steer(ids[0]!, { priority: 1 })
  await until(() => takers.runs.length === 4)
  assert.deepEqual(idsOf(takers).slice(2), ids)
  assert.ok(takers.runs.every(({ control }) => control.trials.runs === 1))
})

test('once storage is lost, no job is stored with an outcome, and no other is started', async (t) => {
  const { galleries, jobs, takers, ends } = await openHeldJobs(t, { jobsAtOnce })
  const ids = await takeIn(jobs, 'a', 'b', 'c')
  await until(() => takers.runs.length === 2)
  t.mock.getter(galleries, 'failure', () => new Error('the disk is gone'))
  for (const { fail } of takers.runs) fail(new AlikeError('storage_full'))
  await jobs.close()
  const states = await Promise.all(ids.map(async (id) => (await jobsOf(galleries).get(id))?.state))
  assert.deepEqual([states, ends, takers.runs.length], [['running', 'running', 'queued'], [], 2])
})

test('of processes that share jobs, one that already runs a job leaves the next to the others for a moment', async (t) => {
  const { galleries, jobs: others } = await openHeldJobs(t, { runsJobs: false })
  const store = Object.create(jobsOf(galleries), {
    lease: { value: { renewEveryMs: 1e6, maxMs: 1e9 } },
  }) as JobStore
  const claims = t.mock.method(store, 'claim')
  const takers = new HeldRunner(['ingest'], 8, jobsAtOnce)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const jobs = await openJobs({
    ...{ store, galleries, runners: [takers], jobsKeptDays: 30 },
    logger: { info() {}, warn() {}, error() {} },
  })
  t.after(() => jobs.close())
  const made: JobRecord[] = []
  const make = async (gallery: string) => {
    const report = await jobs.create({ id: `of-${gallery}`, kind: 'ingest', gallery, source: null })
    made.push(report.job)
    for (let turn = 0; turn < 50; turn++) await nextTurn()
  }
  await make('a')
  await until(() => takers.runs.length === 1)
  const before = claims.mock.callCount()
  await make('b')
  assert.equal(claims.mock.callCount(), before)
  t.mock.timers.tick(500)
  await until(() => takers.runs.length === 2)
  await make('c')
  takers.runs[0]!.end({ total: 0 })
  takers.runs[1]!.end({ total: 0 })
  t.mock.timers.tick(500)
  await until(() => takers.runs.length === 3)
  assert.deepEqual(
    idsOf(takers),
    made.map(({ id }) => id),
  )
  assert.equal(await stateOf(others, 'of-c'), 'running')
})
