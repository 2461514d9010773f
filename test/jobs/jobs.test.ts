import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import { followJob, type JobUpdate } from '../../src/jobs/following.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobStore } from '../../src/jobs/job-store.js'
import { type Jobs, openJobs } from '../../src/jobs/jobs.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { until } from '../support/until.js'
import { HeldRunner } from './held-runner.js'
import { createJob, openHeldJobs, stateOf } from './opened-jobs.js'

/** Kinds of the jobs that wait because a disk is full, and how many. */
const withoutRoom = (jobs: Jobs) =>
  Object.fromEntries(jobs.withoutRoom().flatMap(({ kind, count }) => (count > 0 ? [[kind, count]] : [])))

/** For tests whose timers stand still. */
async function turns(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await isDone()) && performance.now() < deadline) await nextTurn()
  assert.ok(await isDone())
}

test('jobs of one runner run in order of arrival, one at a time, and concurrently with those of another', async (t) => {
  const { jobs, takers, lookers, ends } = await openHeldJobs(t)
  const [first, second] = [await createJob(jobs, 'ingest'), await createJob(jobs, 'ingest')]
  const [evaluation, diagnosis] = [await createJob(jobs, 'evaluate'), await createJob(jobs, 'doctor')]
  await until(() => takers.runs.length === 1 && lookers.runs.length === 1)
  assert.deepEqual(await Promise.all([first, second, evaluation, diagnosis].map((id) => stateOf(jobs, id))), [
    'running',
    'queued',
    'running',
    'queued',
  ])
  const group = 'taken'
  assert.deepEqual(await jobs.counts({ [group]: ['ingest'] }), [
    { group, state: 'queued', count: 1 },
    { group, state: 'paused', count: 0 },
    { group, state: 'running', count: 1 },
  ])
  takers.runs[0]!.end({ total: 0 })
  await until(() => takers.runs.length === 2)
  assert.deepEqual([takers.runs[1]!.job.id, lookers.runs.length, takers.discarded], [second, 1, [first]])
  lookers.runs[0]!.end({ total: 3, result: '{"found":3}' })
  await until(() => lookers.runs.length === 2)
  const { state, done, total } = (await jobs.report(evaluation)).job
  assert.deepEqual([state, done, total, (await jobs.report(evaluation)).pace.share], ['succeeded', 3, 3, 1])
  assert.deepEqual(
    ends.map(({ id, state: ended }) => [id, ended]),
    [
      [first, 'succeeded'],
      [evaluation, 'succeeded'],
    ],
  )
})

test("a run's progress is in its job and in lists, until the job has ended", async (t) => {
  const { jobs, lookers, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'doctor')
  const upload = await createJob(jobs, 'ingest')
  await until(() => lookers.runs.length === 1 && takers.runs.length === 1)
  const reading = {
    elapsedMs: 1_000,
    doneInThisRun: 0,
    shareAtStart: 0,
    share: 0,
    done: 0,
    total: null as number | null,
  }
  lookers.runs[0]!.control.report(() => reading)
  assert.deepEqual(
    [(await jobs.report(id)).job.total, (await jobs.report(id)).pace],
    [null, { share: 0, picturesPerSecond: null, secondsLeft: null }],
  )
  Object.assign(reading, { doneInThisRun: 5, done: 5, total: 20 })
  const { job, pace } = await jobs.report(id)
  assert.deepEqual([job.done, job.total, pace], [5, 20, { share: 0.25, picturesPerSecond: 5, secondsLeft: 3 }])
  assert.deepEqual(await jobs.list({ kinds: ['doctor'] }), [{ job, pace }])
  // stored, but not known to the run yet
  await lookers.runs[0]!.control.advance({ jobId: id, position: 21 })
  assert.deepEqual([(await jobs.report(id)).job.done, (await jobs.report(id)).job.total], [21, 21])
  await takers.runs[0]!.control.expect(12)
  assert.deepEqual([(await jobs.report(upload)).job.total, (await jobs.report(upload)).job.done], [12, 0])
  lookers.runs[0]!.end({ total: 21, result: '{}' })
  await until(async () => (await stateOf(jobs, id)) !== 'running')
  assert.deepEqual([(await jobs.report(id)).job.done, (await jobs.report(id)).job.total], [21, 21])
  await assert.rejects(jobs.report('none'), { code: 'job_not_found' })
})

test('a cancelled job ends at once, whether running or waiting, and the next one runs', async (t) => {
  const { jobs, takers, ends } = await openHeldJobs(t)
  const [running, waiting, last] = [
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
  ]
  await until(() => takers.runs.length === 1)
  for (const id of [waiting, running]) {
    assert.equal((await jobs.cancel(id)).job.state, 'cancelled')
    await assert.rejects(jobs.cancel(id), { code: 'job_finished' })
  }
  assert.equal(takers.runs[0]!.control.signal.aborted, true)
  await until(() => takers.runs.length === 2)
  assert.deepEqual(
    [takers.runs[1]!.job.id, takers.discarded, ends.map(({ id }) => id)],
    [last, [waiting, running], [waiting, running]],
  )
  await assert.rejects(jobs.cancel('none'), { code: 'job_not_found' })
})

test('jobs of a runner are bounded, however many are created at once', async (t) => {
  const { jobs } = await openHeldJobs(t, { jobsMax: 3 })
  await jobs.expectRoom('ingest', 'a')
  const made = await Promise.allSettled(Array.from({ length: 4 }, () => createJob(jobs, 'ingest')))
  assert.deepEqual(
    made.map((one) => (one.status === 'rejected' ? (one.reason as AlikeError).code : 'made')),
    ['made', 'made', 'made', 'job_queue_full'],
  )
  await assert.rejects(jobs.expectRoom('ingest', 'a'), { code: 'job_queue_full', retryAfterSeconds: 30 })
  await jobs.expectRoom('doctor', 'a')
  const received = { id: 'received', kind: 'ingest', gallery: 'a', source: null, isReceived: true } as const
  assert.equal((await jobs.cancel((await jobs.create(received)).job.id)).job.state, 'cancelled')
  const [first] = await jobs.list({ kinds: ['ingest'], states: ['queued'] })
  await jobs.cancel(first!.job.id)
  await jobs.expectRoom('ingest', 'a')
  await jobs.close()
  await assert.rejects(jobs.expectRoom('ingest', 'a'), { code: 'shutting_down' })
})

test('an upload key has one job', async (t) => {
  const { jobs, takers } = await openHeldJobs(t)
  const [first, second] = [
    await jobs.create({ id: 'x', kind: 'ingest', gallery: 'a', source: 1, idempotencyKey: 'k' }),
    await jobs.create({ id: 'y', kind: 'ingest', gallery: 'a', source: 1, idempotencyKey: 'k' }),
  ]
  assert.deepEqual([first.created, second.created, second.job.id], [true, false, 'x'])
  await until(() => takers.runs.length === 1)
})

test('a job stopped in an orderly way waits for the next process; one that was not is retried, then set aside', async (t) => {
  const dataDir = await dataFolder(t)
  for (const [crashed, runs, failure] of [
    [false, 1, undefined],
    [true, 1, undefined],
    [true, 2, 'job_interrupted'],
  ] as const) {
    const opened = await openHeldJobs(t, { dataDir })
    const id = (await opened.jobs.list({ kinds: ['doctor'] }))[0]?.job.id ?? (await createJob(opened.jobs, 'doctor'))
    await until(() => opened.lookers.runs.length === 1)
    assert.equal(opened.lookers.runs[0]!.control.trials.runs, runs)
    assert.equal((await opened.jobs.report(id)).job.failure?.code, failure, 'reported while it is being retried')
    await opened.jobs.close(crashed)
    assert.equal((await jobsOf(opened.galleries).get(id))?.state, crashed ? 'running' : 'queued')
    await opened.galleries.close()
  }
  const { jobs, lookers, log } = await openHeldJobs(t, { dataDir })
  const left = (await jobs.list({ kinds: ['doctor'] }))[0]!.job
  await until(async () => (await stateOf(jobs, left.id)) === 'failed')
  assert.deepEqual(
    [lookers.resumed, lookers.runs.length, (await jobs.report(left.id)).job.failure?.code],
    [[left.id], 0, 'job_interrupted'],
  )
  assert.ok(
    log.some(({ level, fields, message }) => level === 'error' && fields.jobId === left.id && message === 'job failed'),
  )
})

test('a job that succeeds after retries has no failure', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openHeldJobs(t, { dataDir })
  const id = await createJob(first.jobs, 'ingest')
  await until(() => first.takers.runs.length === 1)
  await first.jobs.close(true)
  await first.galleries.close()
  const { jobs, takers } = await openHeldJobs(t, { dataDir })
  await until(() => takers.runs.length === 1)
  assert.equal((await jobs.report(id)).job.failure?.code, 'job_interrupted')
  takers.runs[0]!.end({ total: 0 })
  await until(async () => (await stateOf(jobs, id)) === 'succeeded')
  assert.equal((await jobs.report(id)).job.failure, null)
})

test('a job that finds a disk full waits, says so, and lets those of other galleries go ahead', async (t) => {
  const { jobs, takers, ends, log } = await openHeldJobs(t)
  const [id, later] = [await createJob(jobs, 'ingest'), await createJob(jobs, 'ingest')]
  const others = [await createJob(jobs, 'ingest', 'b'), await createJob(jobs, 'ingest', 'c')]
  await until(() => takers.runs.length === 1)
  takers.runs[0]!.fail(new AlikeError('storage_full', { detail: 'It does not fit.' }))
  for (const [n, other] of others.entries()) {
    const run = await until(() => takers.runs[n + 1], 'the run of another gallery')
    assert.equal(run.job.id, other)
    run.end({ total: 0 })
  }
  await until(() => ends.length === 2)
  const { state, failure, startedAt } = (await jobs.report(id)).job
  assert.deepEqual([state, failure?.code, startedAt !== null], ['queued', 'storage_full', true])
  assert.match(failure!.detail, /It does not fit/)
  assert.deepEqual([takers.discarded, takers.runs.length], [others, 3])
  assert.deepEqual(withoutRoom(jobs), { ingest: 1 })
  const told = log.filter(({ message }) => message === 'job put back: a disk is full')
  assert.deepEqual(
    told.map(({ level, fields }) => [level, fields.jobId]),
    [['warn', id]],
  )
  await jobs.cancel(id)
  assert.deepEqual(takers.discarded.at(-1), id)
  assert.deepEqual(withoutRoom(jobs), {})
  assert.equal(await stateOf(jobs, later), 'queued', 'it would find the same disk full')
})

test('a job that finds a disk full again and again is logged when it has got further, and tried less and less often', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { galleries, jobs, takers, log } = await openHeldJobs(t)
  const claims = t.mock.method(jobsOf(galleries), 'claim')
  const id = await createJob(jobs, 'ingest')
  const isAt: number[] = []
  for (const [n, pauseMs] of [10_000, 20_000, 40_000, 60_000, 60_000, 10_000].entries()) {
    await turns(() => takers.runs.length === n + 1)
    const run = takers.runs[n]!
    isAt.push(run.job.position)
    const { state, failure } = (await jobs.report(id)).job
    assert.deepEqual([state, failure], ['running', null], 'it may have got past it')
    const reading = { elapsedMs: 1, doneInThisRun: 0, shareAtStart: 0, share: 0 }
    run.control.report(() => reading)
    assert.deepEqual(withoutRoom(jobs), n === 0 ? {} : { ingest: 1 }, 'it tries again')
    if (n === 4) {
      await run.control.advance({ jobId: id, position: 7, skipped: 7 })
      reading.doneInThisRun = 7
      assert.deepEqual(withoutRoom(jobs), {}, 'it has got further')
    }
    const claimed = claims.mock.callCount()
    run.fail(new AlikeError('storage_full'))
    await turns(() => claims.mock.callCount() > claimed)
    assert.equal(await stateOf(jobs, id), 'queued')
    assert.deepEqual([withoutRoom(jobs), takers.left], [{ ingest: 1 }, []], 'its upload stays')
    t.mock.timers.tick(pauseMs - 1)
    for (let turn = 0; turn < 100; turn++) await nextTurn()
    assert.equal(takers.runs.length, n + 1, `not before ${pauseMs} ms`)
    t.mock.timers.tick(1)
  }
  assert.deepEqual(isAt, [0, 0, 0, 0, 0, 7])
  assert.equal(log.filter(({ message }) => message === 'job put back: a disk is full').length, 2)
})

test('a job that found a disk full, and that another process goes on with, is forgotten', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { galleries, jobs, takers } = await openHeldJobs(t)
  await createJob(jobs, 'ingest')
  await turns(() => takers.runs.length === 1)
  const claims = t.mock.method(jobsOf(galleries), 'claim', async () => undefined)
  const { job, fail } = takers.runs[0]!
  fail(new AlikeError('storage_full'))
  await turns(() => claims.mock.callCount() > 0)
  await jobsOf(galleries).transition(job.id, { from: ['queued'], to: 'running' })
  t.mock.timers.tick(69_999)
  assert.deepEqual([withoutRoom(jobs), takers.left], [{ ingest: 1 }, []])
  t.mock.timers.tick(1)
  await turns(() => takers.left.length > 0)
  assert.deepEqual([withoutRoom(jobs), takers.left], [{}, [job.id]])
})

test('a job that finds a disk full once another process has it is dropped: it waits no longer here', async (t) => {
  const { galleries, jobs, takers, log } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  t.mock.method(jobsOf(galleries), 'claim', async () => undefined)
  t.mock.method(jobsOf(galleries), 'transition', async () => {
    throw new AlikeError('job_taken_over')
  })
  takers.runs[0]!.fail(new AlikeError('storage_full'))
  await until(() => log.some(({ message }) => message.startsWith('job dropped')))
  await until(() => takers.left.length === 1)
  assert.deepEqual([withoutRoom(jobs), takers.left], [{}, [id]])
  assert.ok(!log.some(({ level }) => level === 'error'))
})

test('a job that found a disk full, and whose turn has not come since, still waits for room', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { galleries, jobs, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await turns(() => takers.runs.length === 1)
  const claims = t.mock.method(jobsOf(galleries), 'claim', async () => undefined) // as while others go ahead
  takers.runs[0]!.fail(new AlikeError('storage_full'))
  for (const waitMs of [70_000, 60_000, 60_000]) {
    const claimed = claims.mock.callCount()
    await turns(() => claims.mock.callCount() > claimed)
    t.mock.timers.tick(waitMs)
  }
  const claimed = claims.mock.callCount()
  await turns(() => claims.mock.callCount() > claimed)
  assert.deepEqual([withoutRoom(jobs), takers.left], [{ ingest: 1 }, []])
  await jobs.steer(id, { paused: true })
  t.mock.timers.tick(60_000)
  await turns(() => takers.left.length > 0)
  assert.deepEqual([withoutRoom(jobs), takers.left], [{}, [id]], 'nobody waits for it')
})

test('of the uploads of jobs that found a disk full, as many stay as jobs run at once, until the process ends', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { jobs, takers } = await openHeldJobs(t)
  const ids = [await createJob(jobs, 'ingest', 'a'), await createJob(jobs, 'ingest', 'b')]
  for (const [n, id] of [...ids, ...ids, ...ids].entries()) {
    await turns(() => {
      if (id === ids[0]) t.mock.timers.tick(10_000)
      return takers.runs.length === n + 1
    })
    assert.equal(takers.runs[n]!.job.id, id)
    takers.runs[n]!.fail(new AlikeError('storage_full'))
    await turns(async () => (await stateOf(jobs, id)) === 'queued')
  }
  await turns(() => takers.left.length === 3)
  assert.deepEqual([takers.left, withoutRoom(jobs)], [[ids[1], ids[1], ids[1]], { ingest: 2 }])
  await jobs.close()
  assert.ok(takers.left.includes(ids[0]!), 'the next process fetches it anyway')
})

test('an analysis that found a disk full waits for room until it ends: each run begins anew', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { jobs, lookers, ends } = await openHeldJobs(t)
  await createJob(jobs, 'evaluate')
  await turns(() => lookers.runs.length === 1)
  lookers.runs[0]!.fail(new AlikeError('storage_full'))
  await turns(() => withoutRoom(jobs).evaluate === 1)
  await turns(async () => {
    t.mock.timers.tick(10_000)
    return lookers.runs.length === 2
  })
  lookers.runs[1]!.control.report(() => ({ elapsedMs: 1, doneInThisRun: 7, shareAtStart: 0, share: 0 }))
  assert.deepEqual(withoutRoom(jobs), { evaluate: 1 })
  lookers.runs[1]!.end({ total: 7, result: '{}' })
  await turns(() => ends.length === 1 && withoutRoom(jobs).evaluate === undefined)
})

test('a job of which only the end waits for room counts as one that waits', async (t) => {
  const { galleries, jobs, lookers, ends } = await openHeldJobs(t)
  await createJob(jobs, 'evaluate')
  await until(() => lookers.runs.length === 1)
  const full = t.mock.method(jobsOf(galleries), 'finish', async () => {
    throw new AlikeError('storage_full', { retryAfterSeconds: 0.01 })
  })
  lookers.runs[0]!.end({ total: 1, result: '{}' })
  await until(() => full.mock.callCount() > 1)
  assert.deepEqual(withoutRoom(jobs), { evaluate: 1 })
  full.mock.restore()
  await until(() => ends.length === 1)
  assert.deepEqual(withoutRoom(jobs), {})
})

test('a job states why its run failed; internal errors are logged with their cause', async (t) => {
  const { jobs, takers, log } = await openHeldJobs(t)
  const ours = new Error('of a cause')
  for (const [thrown, code, level] of [
    [new AlikeError('archive_unreadable'), 'archive_unreadable', undefined],
    [ours, 'internal', 'error'],
  ] as const) {
    const id = await createJob(jobs, 'ingest')
    await until(() => takers.runs.at(-1)?.job.id === id)
    takers.runs.at(-1)!.fail(thrown)
    await until(async () => (await stateOf(jobs, id)) === 'failed')
    assert.equal((await jobs.report(id)).job.failure?.code, code)
    await until(() => takers.discarded.includes(id))
    assert.equal(
      log.find(({ fields, message }) => fields.jobId === id && message === 'job failed' && fields.err === thrown)
        ?.level,
      level,
    )
  }
})

test('a job whose upload cannot be deleted has ended all the same, cancelled or not', async (t) => {
  const { jobs, takers, log } = await openHeldJobs(t)
  takers.undiscardable = new AlikeError('store_unreachable')
  const [first, second, third] = [
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
  ]
  await until(() => takers.runs.length === 1)
  assert.equal((await jobs.cancel(second)).job.state, 'cancelled')
  takers.runs[0]!.end({ total: 0 })
  await until(() => takers.runs.length === 2)
  assert.equal(takers.runs[1]!.job.id, third)
  assert.equal((await jobs.cancel(third)).job.state, 'cancelled')
  assert.deepEqual(
    log.filter(({ message }) => message.includes('could not')).map(({ fields: { jobId } }) => jobId),
    [second, first, third],
  )
})

test('a run that ends because a shared store is unreachable is continued', async (t) => {
  const { jobs, takers, ends, log } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  takers.runs[0]!.fail(new AlikeError('store_unreachable'))
  await until(() => log.some(({ message }) => message.startsWith('job suspended')))
  assert.deepEqual([await stateOf(jobs, id), ends, takers.discarded], ['running', [], []])
  await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 2)
  assert.deepEqual([takers.runs[1]!.job.id, takers.runs[1]!.control.trials.runs], [id, 1], 'the process did not die')
  takers.runs[1]!.end({ total: 0 })
  await until(() => ends.length === 1)
  assert.equal(ends[0]!.state, 'succeeded')
})

test('while no job can be claimed, one attempt is made at a time, however often a job may have arrived', async (t) => {
  const { galleries, jobs } = await openHeldJobs(t)
  const claims = t.mock.method(jobsOf(galleries), 'claim', async () => {
    throw new AlikeError('store_unreachable')
  })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const id = await createJob(jobs, 'ingest')
  for (const priority of [1, 2, 3]) await jobs.steer(id, { priority })
  await nextTurn()
  const made = claims.mock.callCount()
  t.mock.timers.tick(10_000)
  await nextTurn()
  assert.equal(claims.mock.callCount() - made, 1)
})

test('a run that ends because an engine is unreachable begins again from what it has stored', async (t) => {
  const { jobs, takers, ends, log } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  await takers.runs[0]!.control.advance({ jobId: id, position: 7, skipped: 7 })
  const away = new AlikeError('engine_unreachable', { retryAfterSeconds: 0.01 })
  for (const run of [0, 1]) {
    takers.runs[run]!.fail(away)
    await until(() => takers.runs.length === run + 2)
  }
  const [, , again] = takers.runs
  assert.deepEqual([again!.job.id, again!.job.position, again!.control.trials.runs], [id, 7, 1])
  assert.deepEqual([await stateOf(jobs, id), ends, takers.discarded], ['running', [], []])
  assert.equal(log.filter(({ message }) => message.startsWith('job waits')).length, 1, 'logged once')
  again!.fail(away)
  assert.equal((await jobs.cancel(id)).job.state, 'cancelled', 'while it waits')
  assert.deepEqual(takers.discarded, [id])
})

test('a paused job whose state could not be stored did not crash the process', async (t) => {
  const { galleries, jobs, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  const full = t.mock.method(jobsOf(galleries), 'transition', async () => {
    throw new AlikeError('storage_full')
  })
  await assert.rejects(jobs.steer(id, { paused: true }), { code: 'storage_full' })
  full.mock.restore()
  await jobs.steer(id, { paused: false })
  await until(() => takers.runs.length === 2)
  assert.equal(takers.runs[1]!.control.trials.runs, 1)
  assert.equal((await jobs.report(id)).job.failure, null)
})

test('a job that was about to be paused when its process died is shown as paused', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openHeldJobs(t, { dataDir })
  const id = await createJob(first.jobs, 'ingest')
  await until(() => first.takers.runs.length === 1)
  await jobsOf(first.galleries).steer(id, { paused: true })
  await first.jobs.close(true)
  await first.galleries.close()

  const { jobs, takers } = await openHeldJobs(t, { dataDir })
  assert.deepEqual([await stateOf(jobs, id), takers.runs.length], ['queued', 0])
  await jobs.steer(id, { paused: false })
  await until(() => takers.runs.length === 1)
})

test('a paused job that another process has put back keeps what it needs', async (t) => {
  const { galleries, jobs, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  // as by a process that was given the job because this one took longer than its lease to stop, and found it paused
  await jobsOf(galleries).transition(id, { from: ['running'], to: 'queued' })
  await jobs.steer(id, { paused: true })
  assert.deepEqual([await stateOf(jobs, id), takers.discarded], ['queued', []])
  await jobs.steer(id, { paused: false })
  await until(() => takers.runs.length === 2)
})

test('jobs that ended long ago are deleted', async (t) => {
  const { jobs, takers } = await openHeldJobs(t, { jobsKeptDays: 0 })
  const [ended, next] = [await createJob(jobs, 'ingest'), await createJob(jobs, 'ingest')]
  await until(() => takers.runs.length === 1)
  takers.runs[0]!.end({ total: 0 })
  await until(() => takers.runs.length === 2)
  assert.equal((await jobs.cancel(next)).job.state, 'cancelled', 'reported, though not kept')
  const third = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 3)
  await until(async () => (await jobs.list({ kinds: ['ingest'] })).length === 1)
  await assert.rejects(jobs.report(ended), { code: 'job_not_found' })
  assert.equal(await stateOf(jobs, third), 'running')
})

test('jobs are deleted in their time although no other one ends', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { galleries, jobs } = await openHeldJobs(t, { jobsKeptDays: 0 })
  const store = jobsOf(galleries)
  const webhook = 'https://example.com/'
  const { job } = await jobs.create({ id: 'j', kind: 'ingest', gallery: 'a', source: null, webhook })
  await jobs.cancel(job.id)
  assert.equal(await stateOf(jobs, job.id), 'cancelled', 'somebody has yet to be notified')
  await store.noteWebhook(job.id, null)
  t.mock.timers.tick(3_600_000)
  await until(async () => (await store.get(job.id)) === undefined)
})

test('a job is followed from change to change to its end, or until its follower leaves', async (t) => {
  const { jobs, lookers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'evaluate')
  await until(() => lookers.runs.length === 1)
  const reading = { elapsedMs: 1, doneInThisRun: 0, shareAtStart: 0, share: 0, done: 0, total: 9 }
  lookers.runs[0]!.control.report(() => reading)
  const leaving = new AbortController()
  const [follower, leaver] = [
    followJob(jobs, id, { signal: new AbortController().signal, lookEveryMs: 1 }),
    followJob(jobs, id, { signal: leaving.signal, lookEveryMs: 600_000 }),
  ]
  const tell = ({ value }: IteratorResult<JobUpdate, unknown>) =>
    value === undefined
      ? value
      : (value as JobUpdate).event === 'still'
        ? 'still'
        : `${(value as JobUpdate).event} ${(value as { report: { job: JobRecord } }).report.job.done}`
  assert.deepEqual(
    [tell(await follower.next()), tell(await follower.next()), tell(await leaver.next())],
    ['progress 0', 'still', 'progress 0'],
  )
  reading.done = 4
  assert.deepEqual([tell(await follower.next()), tell(await follower.next())], ['progress 4', 'still'])
  const left = leaver.next()
  leaving.abort()
  assert.deepEqual(await left, { done: true, value: undefined }, 'at once, not at the next check')
  lookers.runs[0]!.end({ total: 9, result: '{}' })
  await until(async () => (await stateOf(jobs, id)) === 'succeeded')
  assert.deepEqual([tell(await follower.next()), (await follower.next()).done], ['end 9', true])
  assert.deepEqual(await followJob(jobs, 'forgotten', { signal: leaving.signal }).next(), {
    done: true,
    value: undefined,
  })
})

test('of waiting jobs, those with higher priority start first', async (t) => {
  const { jobs, takers } = await openHeldJobs(t)
  const [running, low, high] = [
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
    await createJob(jobs, 'ingest'),
  ]
  await until(() => takers.runs.length === 1)
  assert.equal((await jobs.steer(high, { priority: 5 })).job.priority, 5)
  takers.runs[0]!.end({ total: 0 })
  await until(() => takers.runs.length === 2)
  takers.runs[1]!.end({ total: 0 })
  await until(() => takers.runs.length === 3)
  assert.deepEqual(
    takers.runs.map(({ job }) => job.id),
    [running, high, low],
  )
  await assert.rejects(jobs.steer(running, { priority: 1 }), { code: 'job_finished' })
})

test('a paused job stops, lets others run, keeps what it needs, and resumes on request', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openHeldJobs(t, { dataDir })
  const { jobs, takers, ends } = first
  const [paused, other] = [await createJob(jobs, 'ingest'), await createJob(jobs, 'ingest')]
  await until(() => takers.runs.length === 1)
  const { job } = await jobs.steer(paused, { paused: true })
  assert.deepEqual([job.state, job.paused, takers.runs[0]!.control.signal.aborted], ['queued', true, true])
  await until(() => takers.runs.length === 2)
  assert.deepEqual([takers.runs[1]!.job.id, takers.discarded, ends], [other, [], []])
  assert.deepEqual(takers.left, [paused], 'another process may resume it')
  takers.runs[1]!.end({ total: 0 })
  await until(() => ends.length === 1)
  await jobs.close()
  await first.galleries.close()

  const later = await openHeldJobs(t, { dataDir })
  assert.deepEqual([later.takers.resumed, later.takers.runs.length], [[paused], 0], 'not started by a restart')
  await later.jobs.steer(paused, { paused: false })
  await until(() => later.takers.runs.length === 1)
  assert.deepEqual([later.takers.runs[0]!.job.id, later.takers.runs[0]!.control.trials.runs], [paused, 1])
  later.takers.runs[0]!.end({ total: 0 })
  await until(() => later.ends.length === 1)
  assert.deepEqual([later.ends[0]!.state, later.takers.discarded], ['succeeded', [paused]])
})

test('a job that is cancelled while it is being paused is cancelled, for both callers', async (t) => {
  const { galleries, jobs, takers, log } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  const store = jobsOf(galleries)
  let cancelling: Promise<unknown> | undefined
  // the job is put back: its record has been read, and says that it is running
  const transitions = t.mock.method(
    store,
    'transition',
    async (...[jobId, change]: Parameters<JobStore['transition']>) => {
      transitions.mock.restore()
      cancelling = jobs.cancel(id)
      await until(async () => (await store.get(id))?.state === 'cancelled')
      return store.transition(jobId, change)
    },
  )
  assert.equal((await jobs.steer(id, { paused: true })).job.state, 'cancelled')
  await cancelling
  assert.deepEqual([takers.discarded, takers.left, log.filter(({ level }) => level === 'error')], [[id], [], []])
})

test('a job that is cancelled once it has been put back is discarded', async (t) => {
  const { jobs, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  let cancelling: Promise<unknown> | undefined
  takers.leave = async () => {
    cancelling = jobs.cancel(id)
    await until(async () => (await stateOf(jobs, id)) === 'cancelled')
  }
  assert.equal((await jobs.steer(id, { paused: true })).job.state, 'cancelled')
  await cancelling
  assert.deepEqual(takers.discarded, [id])
})

test('a job whose end finds the queue of writes full ends all the same', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { writeQueueMax: 1 } })
  await galleries.create('a')
  const [store, takers, ends] = [jobsOf(galleries), new HeldRunner(['ingest']), [] as JobRecord[]]
  const jobs = await openJobs({
    ...{ store, galleries, runners: [takers], jobsKeptDays: 30 },
    logger: { info() {}, warn() {}, error() {} },
    onEnd: (job) => ends.push(job),
  })
  t.after(() => jobs.close())
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  takers.runs[0]!.end({ total: 0 })
  await galleries.changeRules('a', { originals: 'keep' }) // takes the only place at once
  await until(() => ends.length === 1)
  assert.deepEqual([ends[0]!.id, ends[0]!.state, takers.runs.length], [id, 'succeeded', 1])
})

test('a result that the disk has no room for is stored once there is some, or given up with its job', async (t) => {
  const { galleries, jobs, lookers, ends } = await openHeldJobs(t)
  const store = jobsOf(galleries)
  let attempts = 0
  const refuse = async () => {
    attempts++
    throw new AlikeError('storage_full', { retryAfterSeconds: 0.01 })
  }
  const full = t.mock.method(store, 'finish', refuse)
  const [first, second] = [await createJob(jobs, 'doctor'), await createJob(jobs, 'doctor')]
  await until(() => lookers.runs.length === 1)
  lookers.runs[0]!.end({ total: 3, result: '{}' })
  await until(() => attempts > 2)
  assert.equal(await stateOf(jobs, first), 'running')
  full.mock.restore()
  await until(() => ends.length === 1)
  assert.deepEqual([ends[0]!.id, ends[0]!.state, await store.result(first)], [first, 'succeeded', '{}'])

  await until(() => lookers.runs.length === 2)
  attempts = 0
  t.mock.method(store, 'finish', refuse)
  lookers.runs[1]!.end({ total: 3, result: '{}' })
  await until(() => attempts > 1)
  assert.equal((await jobs.cancel(second)).job.state, 'cancelled')
  assert.deepEqual([lookers.runs.length, lookers.discarded], [2, [first, second]])
})

test('a paused job is cancelled like any other', async (t) => {
  const { jobs, takers } = await openHeldJobs(t)
  const id = await createJob(jobs, 'ingest')
  await until(() => takers.runs.length === 1)
  await jobs.steer(id, { paused: true })
  assert.equal((await jobs.cancel(id)).job.state, 'cancelled')
  assert.deepEqual(takers.discarded, [id])
})
