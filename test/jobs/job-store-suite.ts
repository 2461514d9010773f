/** The contract of every job store, in any database. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { AlikeError } from '../../src/errors.js'
import type { Catalogue } from '../../src/gallery/catalogue.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobStore } from '../../src/jobs/job-store.js'
import { dueWebhooks } from '../support/webhooks.js'

export interface TestedJobStore {
  /**
   * Empty; a store can be reopened there. Removed with the test.
   * @returns undefined, and skips the test, if it is unavailable
   */
  newPlace(t: TestContext): Promise<string | undefined>
  /** Closed with the test at the latest. */
  open(t: TestContext, place: string, options?: { clock?: (() => Date) | undefined }): Promise<OpenedJobStore>
}

export interface OpenedJobStore {
  jobs: JobStore
  /** Of the jobs' galleries. */
  catalogue: Catalogue
  close(): Promise<void>
}

const idsOf = (jobs: readonly JobRecord[]) => jobs.map(({ id }) => id)
const failure = (item: number, name = `${item}`) => ({ item, name, code: 'image_empty', detail: 'd' })
const active = ['queued', 'running'] as const

export async function makeGallery(catalogue: Catalogue, name: string): Promise<void> {
  const uid = randomBytes(8).toString('hex')
  const model = { modelId: '00000000000000aa', dimension: 8 }
  await catalogue.create({ name, uid, setUid: uid, engine: 'any', ...model, settings: {}, galleriesMax: 10 })
}

export function jobStoreSuite(stores: TestedJobStore): void {
  /** A test of a store in a new place, with a gallery in it. */
  function storeTest(
    name: string,
    body: (opened: OpenedJobStore & { place: string; t: TestContext; setTime(iso: string): void }) => Promise<void>,
  ): void {
    test(name, async (t) => {
      const place = await stores.newPlace(t)
      if (place === undefined) return
      let time: string | undefined
      const clock = () => (time === undefined ? new Date() : new Date(time))
      const opened = await stores.open(t, place, { clock })
      const { jobs, catalogue } = opened
      await makeGallery(catalogue, 'a')
      await body({ jobs, catalogue, close: () => opened.close(), place, t, setTime: (iso) => void (time = iso) })
    })
  }

  async function running(jobs: JobStore, id: string): Promise<void> {
    await jobs.create({ id, gallery: 'a', source: null })
    await jobs.transition(id, { from: ['queued'], to: 'running' })
  }

  storeTest('a job lives through its states, and its dates say so', async ({ jobs, setTime }) => {
    setTime('2026-01-01T00:00:00Z')
    const source = { kind: 'files', names: ['x'] }
    const { job, created } = await jobs.create({ id: 'j1', gallery: 'a', source })
    assert.equal(created, true)
    assert.deepEqual([job.state, job.done, job.total, job.startedAt, job.finishedAt], ['queued', 0, null, null, null])
    assert.deepEqual(await jobs.get('j1'), job)
    setTime('2026-01-01T00:01:00Z')
    await jobs.transition('j1', { from: ['queued'], to: 'running', total: 7 })
    setTime('2026-01-01T00:02:00Z')
    const told = { code: 'archive_unreadable', detail: 'x' }
    const ended = await jobs.transition('j1', { from: ['running'], to: 'failed', failure: told })
    assert.deepEqual(ended, await jobs.get('j1'))
    assert.deepEqual(
      [ended.state, ended.total, ended.startedAt, ended.finishedAt, ended.failure, ended.source],
      ['failed', 7, '2026-01-01T00:01:00.000Z', '2026-01-01T00:02:00.000Z', told, source],
    )
    await assert.rejects(jobs.transition('j1', { from: [...active], to: 'cancelled' }), { code: 'job_finished' })
    await assert.rejects(jobs.transition('none', { from: ['queued'], to: 'running' }), { code: 'job_not_found' })
    await assert.rejects(jobs.create({ id: 'j2', gallery: 'none', source: null }), { code: 'gallery_not_found' })
    assert.deepEqual(
      [await jobs.get('none'), await jobs.result('none'), await jobs.errors('none')],
      [undefined, undefined, []],
    )
    assert.equal(await jobs.get('no\0ne'), undefined)
  })

  storeTest(
    'the next job is the first of the highest priority that waits, or was left by a process that died',
    async ({ jobs }) => {
      assert.equal(await jobs.claim(['ingest']), undefined)
      for (const [id, priority] of [
        ['first', 0],
        ['urgent', 5],
        ['paused', 9],
      ] as const)
        await jobs.create({ id, gallery: 'a', source: null, priority })
      await jobs.create({ id: 'look', kind: 'doctor', gallery: 'a', source: null })
      assert.equal((await jobs.steer('paused', { paused: true })).paused, true)
      const end = (id: string) => jobs.transition(id, { from: [...active], to: 'succeeded' })
      const claimed = await jobs.claim(['ingest'])
      assert.deepEqual(claimed, await jobs.get('urgent'))
      await end('urgent')
      assert.equal((await jobs.claim(['ingest']))?.id, 'first')
      await end('first')
      assert.equal(await jobs.claim(['ingest']), undefined)
      await jobs.steer('paused', { paused: false, priority: -1 })
      assert.deepEqual([(await jobs.claim(['ingest']))?.id, (await jobs.get('paused'))?.priority], ['paused', -1])
      assert.equal((await jobs.claim(['evaluate', 'doctor']))?.id, 'look')
      await end('paused')
      await assert.rejects(jobs.steer('paused', { priority: 1 }), { code: 'job_finished' })
      await assert.rejects(jobs.steer('none', { priority: 1 }), { code: 'job_not_found' })
    },
  )

  storeTest('jobs of galleries in which this process runs one are left out', async ({ jobs, catalogue }) => {
    await makeGallery(catalogue, 'b')
    const uids = new Map<string, string>()
    for (const [id, gallery, priority] of [
      ['a1', 'a', 0],
      ['a2', 'a', 9],
      ['b1', 'b', 0],
    ] as const)
      uids.set(gallery, (await jobs.create({ id, gallery, source: null, priority })).job.galleryUid)
    assert.equal((await jobs.claim(['ingest'], [uids.get('a')!]))?.id, 'b1')
    assert.equal(await jobs.claim(['ingest'], [...uids.values()]), undefined)
    assert.equal((await jobs.claim(['ingest'], [uids.get('b')!]))?.id, 'a2')
  })

  storeTest('a job that was interrupted comes before those of its gallery that wait', async ({ jobs, catalogue }) => {
    await makeGallery(catalogue, 'b')
    await running(jobs, 'a1')
    for (const [id, gallery] of [
      ['a2', 'a'],
      ['b1', 'b'],
    ] as const)
      await jobs.create({ id, gallery, source: null, priority: 5 })
    const claimed: string[] = []
    for (;;) {
      const job = await jobs.claim(['ingest'])
      if (job === undefined) break
      claimed.push(job.id)
      await jobs.transition(job.id, { from: [...active], to: 'succeeded' })
    }
    assert.deepEqual(
      claimed.filter((id) => id !== 'b1'),
      ['a1', 'a2'],
    )
    assert.equal(claimed.length, 3)
  })

  storeTest('progress adds up, and stands beside the lines of its report', async ({ jobs }) => {
    await jobs.create({ id: 'j', gallery: 'a', source: null })
    const errors = [failure(3, 'c.jpg')]
    await assert.rejects(
      jobs.advance({ jobId: 'j', position: 5, errors }),
      { code: 'job_finished' },
      'it is not running',
    )
    await jobs.transition('j', { from: ['queued'], to: 'running' })
    const stored = { added: 2, updated: 1, removed: 1, idle: 1 }
    await jobs.advance({ jobId: 'j', position: 8, skipped: 1, errors, namesAssumed: 2 }, stored)
    await jobs.advance({ jobId: 'j', position: 7, errors: [failure(9, 'x'.repeat(2_000))], replaced: [failure(5)] })
    const job = (await jobs.get('j'))!
    assert.deepEqual(
      [
        job.position,
        job.done,
        job.added,
        job.updated,
        job.removed,
        job.skipped,
        job.failed,
        job.replaced,
        job.namesAssumed,
      ],
      [8, 8, 2, 1, 1, 2, 2, 1, 2],
      'the position never moves back',
    )
    assert.deepEqual(
      (await jobs.errors('j')).map(({ item }) => item),
      [3, 5, 9],
    )
    assert.deepEqual(await jobs.errors('j', { limit: 1 }), errors)
    assert.deepEqual(
      (await jobs.errors('j', { fromItem: 4, limit: 1 })).map(({ item }) => item),
      [5],
    )
    assert.equal((await jobs.errors('j', { fromItem: 9 }))[0]!.name.length, 512)
    await jobs.transition('j', { from: ['running'], to: 'cancelled' })
    await assert.rejects(jobs.advance({ jobId: 'j', position: 9 }), { code: 'job_finished' })
    await assert.rejects(jobs.advance({ jobId: 'none', position: 9 }), { code: 'job_not_found' })
    assert.equal((await jobs.get('j'))?.position, 8)
  })

  storeTest('a step that is repeated because its commit was not answered counts once', async ({ jobs }) => {
    await running(jobs, 'j')
    const stored = { added: 2, updated: 0, removed: 0, idle: 1 }
    const first = { jobId: 'j', from: 0, position: 4, errors: [failure(3)] }
    await jobs.advance(first, stored)
    await jobs.advance(first, { added: 0, updated: 2, removed: 0, idle: 1 })
    await jobs.advance({ jobId: 'j', from: 2, position: 4, skipped: 2 })
    await jobs.advance({ jobId: 'j', from: 4, position: 6, skipped: 2 })
    const { position, done, added, updated, skipped, failed } = (await jobs.get('j'))!
    assert.deepEqual([position, done, added, updated, skipped, failed], [6, 6, 2, 0, 3, 1])
    assert.equal((await jobs.errors('j')).length, 1)
  })

  storeTest('of runs that got nowhere only the last is noted once it gets further', async ({ jobs }) => {
    await jobs.create({ id: 'j', gallery: 'a', source: null })
    const trials = { runs: 3, alone: { item: 4, tries: 1 }, givenUp: 2 }
    await assert.rejects(jobs.note('j', trials), { code: 'job_finished' })
    const begun = await jobs.transition('j', { from: ['queued'], to: 'running', trials: { ...trials, runs: 2 } })
    assert.deepEqual(begun.trials, { ...trials, runs: 2 })
    await jobs.note('j', trials)
    assert.deepEqual((await jobs.get('j'))?.trials, trials)
    await jobs.advance({ jobId: 'j', position: 5, skipped: 5 })
    assert.deepEqual((await jobs.get('j'))?.trials, { runs: 1, alone: null, givenUp: 2 })
  })

  storeTest('a gallery made anew under the name of the job’s own is another one', async ({ jobs, catalogue }) => {
    await running(jobs, 'j')
    await jobs.create({ id: 'look', kind: 'evaluate', gallery: 'a', source: null })
    await jobs.transition('look', { from: ['queued'], to: 'running' })
    await catalogue.remove('a')
    for (const isNew of [false, true]) {
      if (isNew) await makeGallery(catalogue, 'a')
      await assert.rejects(jobs.advance({ jobId: 'j', position: 1, skipped: 1 }), { code: 'gallery_not_found' })
      await assert.rejects(jobs.finish('look', { total: 1, result: '{}' }), { code: 'gallery_not_found' })
    }
    const [job, look] = [await jobs.get('j'), await jobs.get('look')]
    assert.deepEqual([job?.position, look?.state, await jobs.result('look')], [0, 'running', undefined])
  })

  storeTest('jobs and their progress survive closing and opening', async ({ jobs: first, close, place, t }) => {
    await first.create({ id: 'j', gallery: 'a', source: { n: 1 }, total: 10, priority: 3 })
    await first.transition('j', { from: ['queued'], to: 'running' })
    await first.advance({ jobId: 'j', position: 2, skipped: 1, errors: [failure(1)] })
    const before = [await first.get('j'), await first.errors('j')]
    await close()
    const { jobs } = await stores.open(t, place)
    assert.deepEqual([await jobs.get('j'), await jobs.errors('j')], before)
    assert.deepEqual(idsOf(await jobs.list({ states: active })), ['j'])
  })

  storeTest('an idempotency key names one job of a gallery', async ({ jobs, catalogue }) => {
    await makeGallery(catalogue, 'b')
    const first = await jobs.create({ id: 'j1', gallery: 'a', source: 1, idempotencyKey: 'k' })
    const second = await jobs.create({ id: 'j2', gallery: 'a', source: 2, idempotencyKey: 'k' })
    assert.deepEqual([second.created, second.job], [false, first.job])
    const atOnce = ['x1', 'x2', 'x3'].map((id) => jobs.create({ id, gallery: 'a', source: 1, idempotencyKey: 'x' }))
    assert.deepEqual((await Promise.all(atOnce)).filter(({ created }) => created).length, 1)
    assert.equal((await jobs.create({ id: 'j3', gallery: 'b', source: 3, idempotencyKey: 'k' })).created, true)
    assert.equal((await jobs.create({ id: 'j4', gallery: 'a', source: 4 })).created, true)
    const [third, fourth] = (await jobs.list({ limit: 2 })) as [JobRecord, JobRecord]
    assert.deepEqual([third.id, fourth.id], ['j4', 'j3'])
  })

  storeTest(
    'jobs that come at once find room for as many as may wait or run, and a repeated one always',
    async ({ jobs }) => {
      await jobs.create({ id: 'other', kind: 'doctor', gallery: 'a', source: null })
      await running(jobs, 'running')
      await running(jobs, 'ended')
      await jobs.transition('ended', { from: ['running'], to: 'succeeded' })
      const room = { kinds: ['ingest', 'evaluate'], max: 3 } as const
      const ids = ['j1', 'j2', 'j3', 'j4']
      const made = await Promise.allSettled(
        ids.map((id) => jobs.create({ id, gallery: 'a', source: null, idempotencyKey: id }, room)),
      )
      const refused = made.flatMap((one) => (one.status === 'rejected' ? [(one.reason as AlikeError).code] : []))
      assert.deepEqual(refused, ['job_queue_full', 'job_queue_full'])
      const [first] = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value.job] : []))
      const again = { id: 'again', gallery: 'a', source: null, idempotencyKey: first!.idempotencyKey! }
      assert.equal((await jobs.create(again, room)).job.id, first!.id)
      assert.equal((await jobs.create({ id: 'beyond', gallery: 'a', source: null })).created, true)
      await jobs.create({ id: 'another', kind: 'doctor', gallery: 'a', source: null }, { kinds: ['doctor'], max: 2 })
    },
  )

  storeTest('lists and counts are by gallery, kind and state, the newest first', async ({ jobs, catalogue }) => {
    await makeGallery(catalogue, 'b')
    await running(jobs, 'j1')
    await jobs.create({ id: 'j2', gallery: 'b', source: null })
    await jobs.create({ id: 'j3', kind: 'doctor', gallery: 'a', source: null })
    assert.deepEqual(idsOf(await jobs.list()), ['j3', 'j2', 'j1'])
    assert.deepEqual(idsOf(await jobs.list({ limit: 2 })), ['j3', 'j2'])
    assert.deepEqual(idsOf(await jobs.list({ gallery: 'b' })), ['j2'])
    assert.deepEqual(idsOf(await jobs.list({ kinds: ['ingest'] })), ['j2', 'j1'])
    assert.deepEqual(idsOf(await jobs.list({ kinds: ['ingest'], states: ['running'] })), ['j1'])
    assert.deepEqual(await jobs.list({ kinds: ['evaluate'] }), [])
    await jobs.create({ id: 'j4', gallery: 'b', source: null })
    await jobs.create({ id: 'j5', gallery: 'b', source: null })
    await jobs.transition('j5', { from: ['queued'], to: 'cancelled' })
    await jobs.steer('j2', { paused: true })
    assert.deepEqual(
      (await jobs.counts()).map(({ kind, state, paused, count }) => [kind, state, paused, count]).sort(),
      [
        ['doctor', 'queued', false, 1],
        ['ingest', 'queued', false, 1],
        ['ingest', 'queued', true, 1],
        ['ingest', 'running', false, 1],
      ],
    )
  })

  storeTest('ended jobs can be forgotten with their errors; others stay', async ({ jobs, setTime }) => {
    setTime('2026-01-01T00:00:00Z')
    for (const id of ['old', 'new', 'open']) {
      await running(jobs, id)
      await jobs.advance({ jobId: id, position: 1, errors: [failure(0)] })
    }
    await jobs.transition('old', { from: ['running'], to: 'succeeded' })
    setTime('2026-03-01T00:00:00Z')
    await jobs.transition('new', { from: ['running'], to: 'succeeded' })
    assert.equal(await jobs.forget('2026-02-01T00:00:00.000Z'), 1)
    assert.deepEqual(idsOf(await jobs.list()), ['open', 'new'])
    assert.deepEqual([(await jobs.errors('old')).length, (await jobs.errors('new')).length], [0, 1])
  })

  storeTest(
    'a job with a result ends together with it; the result survives and is forgotten with its job',
    async ({ jobs, close, place, t }) => {
      await jobs.create({ id: 'in', gallery: 'a', source: null })
      await jobs.create({ id: 'look', kind: 'doctor', gallery: 'a', source: { k: 10 } })
      await assert.rejects(
        jobs.finish('look', { total: 7, result: '{}' }),
        { code: 'job_finished' },
        'it is not running',
      )
      await jobs.transition('look', { from: ['queued'], to: 'running' })
      assert.equal(await jobs.result('look'), undefined)
      const ended = await jobs.finish('look', { total: 7, result: '{"hubs":3,  "as":"stored"}' })
      assert.deepEqual([ended.kind, ended.state, ended.done, ended.total], ['doctor', 'succeeded', 7, 7])
      await close()

      const second = await stores.open(t, place)
      assert.deepEqual(await second.jobs.get('look'), ended)
      assert.equal(await second.jobs.result('look'), '{"hubs":3,  "as":"stored"}')
      assert.equal(await second.jobs.result('in'), undefined)
      assert.equal(await second.jobs.forget('9999'), 1)
      assert.equal(await second.jobs.result('look'), undefined)
    },
  )

  for (const [what, { stored, skipped, failed }, state] of [
    ['a job without items', { stored: 0, skipped: 0, failed: 0 }, 'succeeded'],
    ['one that stored all', { stored: 3, skipped: 0, failed: 0 }, 'succeeded'],
    ['one that had nothing to do', { stored: 0, skipped: 3, failed: 0 }, 'succeeded'],
    ['one that stored some', { stored: 1, skipped: 0, failed: 2 }, 'completed_with_errors'],
    ['one with failures beside what is stored already', { stored: 0, skipped: 1, failed: 1 }, 'completed_with_errors'],
    ['one whose every item failed', { stored: 0, skipped: 0, failed: 3 }, 'failed'],
  ] as const) {
    storeTest(`${what} ends as ${state}`, async ({ jobs }) => {
      await jobs.create({ id: 'j', gallery: 'a', source: null })
      await assert.rejects(jobs.complete('j', 0), { code: 'job_finished' }, 'it has not started')
      await jobs.transition('j', { from: ['queued'], to: 'running' })
      const total = stored + skipped + failed
      const errors = Array.from({ length: failed }, (_, i) => failure(i))
      await jobs.advance(
        { jobId: 'j', position: total, skipped, errors },
        { added: stored, updated: 0, removed: 0, idle: 0 },
      )
      const ended = await jobs.complete('j', total)
      assert.deepEqual(
        [ended.state, ended.total, ended.failure?.code, ended.finishedAt !== null],
        [state, total, state === 'failed' ? 'job_items_failed' : undefined, true],
      )
      assert.deepEqual(idsOf(await jobs.list({ states: [state] })), ['j'])
      await assert.rejects(jobs.transition('j', { from: [...active], to: 'cancelled' }), { code: 'job_finished' })
    })
  }

  storeTest(
    'who is to be told of the end of a job is known from then on until it was told, and the job is not forgotten before',
    async ({ jobs }) => {
      for (const id of ['told', 'later', 'gone']) {
        await jobs.create({ id, gallery: 'a', source: null, webhook: `https://example.org/${id}` })
        assert.deepEqual(await dueWebhooks(jobs), [], 'it has not ended')
      }
      await jobs.transition('told', { from: ['queued'], to: 'cancelled' })
      const pending = { jobId: 'told', url: 'https://example.org/told', attempts: 0, nextAt: null }
      assert.deepEqual(await dueWebhooks(jobs), [pending])
      await jobs.noteWebhook('told', null)
      assert.deepEqual(await dueWebhooks(jobs), [])
      await jobs.transition('later', { from: ['queued'], to: 'cancelled' })
      await jobs.noteWebhook('later', { attempts: 2, at: '2020-01-01T00:00:00.000Z' })
      const [noted] = await dueWebhooks(jobs)
      assert.deepEqual([noted?.jobId, noted?.attempts, noted?.nextAt], ['later', 2, '2020-01-01T00:00:00.000Z'])
      await jobs.noteWebhook('none', null)
      await jobs.transition('gone', { from: ['queued'], to: 'cancelled' })
      assert.equal(await jobs.forget('9999'), 1)
      assert.deepEqual(idsOf(await jobs.list()).sort(), ['gone', 'later'])
      for (const id of ['later', 'gone']) await jobs.noteWebhook(id, null)
      assert.equal(await jobs.forget('9999'), 2)
      assert.deepEqual([await jobs.list(), await dueWebhooks(jobs)], [[], []])
      await jobs.noteWebhook('gone', { attempts: 1, at: '2020-01-01T00:00:00.000Z' })
    },
  )

  storeTest('a webhook waits for its time, unless that is further away than any is put off to', async ({ jobs }) => {
    const minute = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString()
    const waits = {
      none: [0, null],
      passed: [1, 9],
      soon: [1, 12],
      last: [7, 20],
      ahead: [1, 13],
      year: [7, 500_000],
    } as const
    for (const [id, [attempts, at]] of Object.entries(waits)) {
      await jobs.create({ id, gallery: 'a', source: null, webhook: 'https://example.org/' })
      await jobs.transition(id, { from: ['queued'], to: 'cancelled' })
      if (at !== null) await jobs.noteWebhook(id, { attempts, at: minute(at) })
    }
    const latest = [10, 12, 20].map(minute)
    const { due, waitMs } = await jobs.webhooks(8, { now: minute(10), latest })
    assert.deepEqual(due.map(({ jobId }) => jobId).sort(), ['ahead', 'none', 'passed', 'year'])
    assert.equal(waitMs, 120_000)
    for (const { jobId } of due) await jobs.noteWebhook(jobId, null)
    await jobs.noteWebhook('soon', null)
    assert.deepEqual(await jobs.webhooks(8, { now: minute(10), latest }), { due: [], waitMs: 600_000 })
    await jobs.noteWebhook('last', null)
    assert.deepEqual(await jobs.webhooks(8, { now: minute(10), latest }), { due: [], waitMs: Infinity })
  })
}
