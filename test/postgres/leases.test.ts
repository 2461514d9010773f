/** Two processes on one database: which of them has a job, and what happens to it when one is silent. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { openJobs } from '../../src/jobs/jobs.js'
import type { SharedStores } from '../../src/postgres/open-postgres.js'
import { HeldRunner } from '../jobs/held-runner.js'
import { makeGallery } from '../jobs/job-store-suite.js'
import { inDatabase, postgresServer } from '../support/postgres-server.js'
import { until } from '../support/until.js'
import { dueWebhooks, webhookServer, webhooksOf } from '../support/webhooks.js'
import { openStores } from './shared-stores.js'

interface Two {
  one: SharedStores
  other: SharedStores
}

function twoTest(
  name: string,
  body: (two: Two & { t: TestContext; url: string; kill(): Promise<void>; start(): Promise<void> }) => Promise<void>,
) {
  test(name, async (t) => {
    const server = await postgresServer(t)
    if (server === undefined) return
    const url = await server.newDatabase()
    const [one, other] = await Promise.all([openStores(t, url), openStores(t, url)])
    for (const gallery of ['a', 'b']) await makeGallery(one.catalogue, gallery)
    await body({ one, other, t, url, kill: () => server.kill(), start: () => server.start() })
  })
}

const queued = ({ jobs }: SharedStores, id: string, gallery = 'a') => jobs.create({ id, gallery, source: null })
const begun = ({ jobs }: SharedStores, id: string) =>
  jobs.transition(id, { from: ['queued', 'running'], to: 'running', trials: { runs: 1, alone: null, givenUp: 0 } })

twoTest('a job is handed to one process, and one of its gallery at a time', async ({ one, other }) => {
  for (const [id, gallery] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ] as const)
    await queued(one, id, gallery)
  const claims = await Promise.all([one, other, one, other].map(({ jobs }) => jobs.claim(['ingest'])))
  assert.deepEqual(claims.map((job) => job?.id).sort(), ['a1', 'b1', undefined, undefined])
  await one.jobs.transition('a1', { from: ['queued', 'running'], to: 'cancelled' })
  assert.equal((await other.jobs.claim(['ingest']))?.id, 'a2')
})

twoTest('processes that claim at the same moment take the jobs of a gallery in order', async ({ one, other }) => {
  for (let round = 0; round < 20; round++) {
    const ids = ['first', 'second', 'third'].map((name) => `${name}-${round}`)
    for (const id of ids) await queued(one, id)
    const claims = await Promise.all([one, other, one, other].map(({ jobs }) => jobs.claim(['ingest'])))
    assert.deepEqual(
      claims.flatMap((job) => job?.id ?? []),
      [ids[0]],
    )
    for (const id of ids) await one.jobs.transition(id, { from: ['queued', 'running'], to: 'cancelled' })
  }
})

twoTest(
  'a process that is silent loses its job to the next, at the position that it stored, and writes nothing more',
  async ({ one, other }) => {
    await queued(one, 'j')
    assert.equal((await one.jobs.claim(['ingest']))?.state, 'queued')
    await begun(one, 'j')
    await one.jobs.advance({ jobId: 'j', position: 5, skipped: 5 })
    const reading = { elapsedMs: 1, doneInThisRun: 5, shareAtStart: 0, share: 0.5 }
    assert.deepEqual((await one.jobs.renew('j', reading))?.reading, reading)
    assert.deepEqual((await other.jobs.get('j'))?.reading, reading, 'the other one learns how far it has come')
    assert.equal(await other.jobs.claim(['ingest']), undefined)
    const taken = await until(() => other.jobs.claim(['ingest']), 'the end of the lease')
    assert.deepEqual([taken.state, taken.position, taken.trials?.runs], ['running', 5, 1], 'the process died during it')
    await begun(other, 'j')
    assert.equal(await one.jobs.renew('j', reading), undefined)
    for (const late of [
      () => one.jobs.advance({ jobId: 'j', position: 9 }),
      () => one.jobs.note('j', { runs: 1, alone: null, givenUp: 0 }),
      () => one.jobs.complete('j', 9),
      () => begun(one, 'j'),
    ])
      await assert.rejects(late(), { code: 'job_taken_over' })
    await other.jobs.advance({ jobId: 'j', position: 6, skipped: 1 })
    assert.equal((await other.jobs.complete('j', 6)).state, 'succeeded')
  },
)

twoTest(
  'a process that stops leaves its job to others, although it has lost an earlier one',
  async ({ one, other }) => {
    const runner = new HeldRunner(['ingest'])
    const serving = async (name: string) => ({ galleryUid: (await one.catalogue.find(name))!.uid })
    const jobs = await openJobs({
      store: one.jobs,
      galleries: { sets: { serving } } as unknown as Galleries,
      runners: [runner],
      jobsKeptDays: 1,
      logger: { info() {}, warn() {}, error() {} },
    })
    await jobs.create({ id: 'lost', kind: 'ingest', gallery: 'a', source: null })
    await until(() => runner.runs.length === 1, 'the first run')
    runner.runs[0]!.fail(new AlikeError('store_unreachable'))
    await jobs.create({ id: 'kept', kind: 'ingest', gallery: 'b', source: null })
    await until(() => runner.runs.length === 2, 'the second run')
    assert.equal((await until(() => other.jobs.claim(['ingest']), 'the end of the lease')).id, 'lost')
    await begun(other, 'lost')
    await jobs.close()
    assert.deepEqual(await Promise.all(['lost', 'kept'].map(async (id) => (await other.jobs.get(id))?.state)), [
      'running',
      'queued',
    ])
  },
)

twoTest('a job that was paused or put back no longer has the pace of its run', async ({ one, other, t }) => {
  const jobs = await openJobs({
    ...{ store: other.jobs, galleries: {} as Galleries, runners: [new HeldRunner(['ingest'])], jobsKeptDays: 1 },
    ...{ runsJobs: false, logger: { info() {}, warn() {}, error() {} } },
  })
  t.after(() => jobs.close())
  await queued(one, 'j')
  await one.jobs.claim(['ingest'])
  await begun(one, 'j')
  await one.jobs.renew('j', { elapsedMs: 1_000, doneInThisRun: 5, shareAtStart: 0, share: 0.5 })
  const pace = async () => (await jobs.report('j')).pace.picturesPerSecond
  assert.equal(await pace(), 5)
  await one.jobs.transition('j', { from: ['running'], to: 'queued' })
  assert.equal(await pace(), null)
})

twoTest('a job for which a process has no room on its disk is run by another', async ({ one, other, t }) => {
  const serving = async (name: string) => ({ galleryUid: (await one.catalogue.find(name))!.uid })
  const open = async ({ jobs: store }: SharedStores) => {
    const runner = new HeldRunner(['ingest'])
    const jobs = await openJobs({
      ...{ store, galleries: { sets: { serving } } as unknown as Galleries, runners: [runner], jobsKeptDays: 1 },
      logger: { info() {}, warn() {}, error() {} },
    })
    t.after(() => jobs.close())
    return { jobs, runner }
  }
  const full = await open(one)
  await full.jobs.create({ id: 'j', kind: 'ingest', gallery: 'a', source: null })
  await until(() => full.runner.runs.length === 1, 'the first run')
  full.runner.runs[0]!.fail(new AlikeError('storage_full'))
  await until(async () => (await other.jobs.get('j'))?.state !== 'running')
  const { state, failure } = (await other.jobs.get('j'))!
  assert.deepEqual([state, failure?.code], ['queued', 'storage_full'], 'every process says why it waits')
  const { runner } = await open(other)
  await until(() => runner.runs.length === 1, 'the run of the other')
  runner.runs[0]!.end({ total: 0 })
  await until(async () => (await one.jobs.get('j'))?.state === 'succeeded')
  assert.equal(full.runner.runs.length, 1, 'it leaves the job to others for a while')
  assert.deepEqual(full.runner.left, [], 'its upload stays for a while: it might run the job again')
})

twoTest('processes that accept jobs at the same moment keep to their maximum together', async ({ one, other }) => {
  const room = { kinds: ['doctor'], max: 3 } as const
  const made = await Promise.allSettled(
    Array.from({ length: 16 }, (_, n) =>
      [one, other][n % 2]!.jobs.create({ id: `j${n}`, kind: 'doctor', gallery: 'a', source: null }, room),
    ),
  )
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 3)
  assert.equal((await one.jobs.list()).length, 3)
})

twoTest('a process whose lease has expired is not given the job that it still runs', async ({ one, other, url }) => {
  await queued(one, 'j')
  const { galleryUid } = (await one.jobs.claim(['ingest']))!
  await begun(one, 'j')
  await inDatabase(url, `UPDATE alike_queue.job SET heartbeat_on = now() - interval '1 day' WHERE name = 'ingest'`)
  const isDue = async () => (await inDatabase(url, `SELECT 1 FROM alike_queue.job WHERE state = 'retry'`)).length === 1
  await until(isDue, 'the end of the lease')
  assert.equal(await one.jobs.claim(['ingest'], [galleryUid]), undefined)
  assert.equal((await other.jobs.claim(['ingest']))?.id, 'j')
  assert.equal(await one.jobs.renew('j', undefined), undefined)
})

for (const [what, prepare] of [
  ['waited', async () => {}],
  [
    'was left by a process that died',
    async ({ one }: Two, url: string) => {
      await one.jobs.claim(['ingest'])
      await begun(one, 'j')
      await inDatabase(url, `UPDATE alike_queue.job SET heartbeat_on = now() - interval '1 day' WHERE name = 'ingest'`)
      const isDue = async () =>
        (await inDatabase(url, `SELECT 1 FROM alike_queue.job WHERE state = 'retry'`)).length > 0
      await until(isDue, 'the end of the lease')
    },
  ],
] as const)
  twoTest(`a job that ${what}, and is being claimed as its process stops, is left to others at once`, async (two) => {
    const { one, other, t, url } = two
    await queued(one, 'j')
    await prepare(two, url)
    const before = await other.jobs.get('j')
    const claim = one.jobs.claim.bind(one.jobs)
    const claimed = new EventEmitter()
    const [isClaimed, isAnswered] = [once(claimed, 'claimed'), once(claimed, 'answered')]
    t.mock.method(one.jobs, 'claim', async (...given: Parameters<typeof claim>) => {
      const job = await claim(...given)
      claimed.emit('claimed')
      await isAnswered
      return job
    })
    const runner = new HeldRunner(['ingest'])
    const jobs = await openJobs({
      ...{ store: one.jobs, galleries: {} as Galleries, runners: [runner], jobsKeptDays: 1 },
      logger: { info() {}, warn() {}, error() {} },
    })
    await isClaimed
    const closing = jobs.close()
    claimed.emit('answered')
    await closing
    assert.equal(runner.runs.length, 0)
    const taken = await other.jobs.claim(['ingest'])
    assert.deepEqual(taken, before)
    await begun(other, 'j')
    assert.equal(await one.jobs.renew('j', undefined), undefined)
  })

twoTest('of two processes each runs a job, although one has room for both', async ({ one, other, t }) => {
  const serving = async (name: string) => ({ galleryUid: (await one.catalogue.find(name))!.uid })
  const runners = await Promise.all(
    [one, other].map(async ({ jobs: store }) => {
      const runner = new HeldRunner(['ingest'], 8, 2)
      const jobs = await openJobs({
        ...{ store, galleries: { sets: { serving } } as unknown as Galleries, runners: [runner], jobsKeptDays: 1 },
        logger: { info() {}, warn() {}, error() {} },
      })
      t.after(() => jobs.close())
      return runner
    }),
  )
  await makeGallery(one.catalogue, 'c')
  for (const gallery of ['a', 'b', 'c']) await queued(one, gallery, gallery)
  const idsOf = () => runners.map(({ runs }) => runs.map(({ job }) => job.id))
  await until(() => idsOf().flat().length === 3, 'all of them to run')
  assert.deepEqual(idsOf().flat().sort(), ['a', 'b', 'c'])
  assert.ok(
    idsOf().every((ids) => ids.length > 0),
    JSON.stringify(idsOf()),
  )
})

twoTest('a job that was interrupted goes on before one of its gallery that has a higher priority', async (two) => {
  const { one, other } = two
  await queued(one, 'a1')
  await one.jobs.claim(['ingest'])
  await begun(one, 'a1')
  await one.jobs.create({ id: 'a2', gallery: 'a', source: null, priority: 5 })
  assert.equal((await until(() => other.jobs.claim(['ingest']), 'the end of the lease')).id, 'a1')
  await assert.rejects(one.jobs.advance({ jobId: 'a1', position: 1 }), { code: 'job_taken_over' })
  assert.equal(await one.jobs.claim(['ingest']), undefined)
  await begun(other, 'a1')
  await other.jobs.complete('a1', 0)
  assert.equal((await one.jobs.claim(['ingest']))?.id, 'a2')
})

twoTest('a silent process writes nothing once the next job of its gallery has been claimed', async ({ one, other }) => {
  await queued(one, 'a1')
  await one.jobs.claim(['ingest'])
  await begun(one, 'a1')
  await other.jobs.steer('a1', { paused: true })
  await other.jobs.create({ id: 'a2', gallery: 'a', source: null, priority: 5 })
  assert.equal((await until(() => other.jobs.claim(['ingest']), 'the end of the lease')).id, 'a2')
  await assert.rejects(one.jobs.advance({ jobId: 'a1', position: 1 }), { code: 'job_taken_over' })
  await begun(other, 'a2')
  await other.jobs.complete('a2', 0)
  assert.equal((await other.jobs.claim(['ingest']))?.id, 'a1', 'to be put back as paused')
})

twoTest(
  'a job that was paused as it was claimed, by a process that died then, can be resumed',
  async ({ one, other }) => {
    await queued(one, 'j')
    await one.jobs.claim(['ingest'])
    await other.jobs.steer('j', { paused: true })
    assert.ok((await begun(one, 'j')).paused)
    await other.jobs.steer('j', { paused: false })
    assert.equal((await other.jobs.claim(['ingest']))?.id, 'j')
    await assert.rejects(one.jobs.advance({ jobId: 'j', position: 1 }), { code: 'job_taken_over' })
  },
)

twoTest('a job that ends while its lease is renewed ends as what it came to', async ({ one }) => {
  const reading = { elapsedMs: 1, doneInThisRun: 0, shareAtStart: 0, share: 1 }
  for (let round = 0; round < 20; round++) {
    const id = `j${round}`
    await queued(one, id)
    await one.jobs.claim(['ingest'])
    await begun(one, id)
    const [ended] = await Promise.all([one.jobs.complete(id, 0), one.jobs.renew(id, reading)])
    assert.equal(ended.state, 'succeeded')
  }
})

twoTest('a job is steered while another process claims it', async ({ one, other }) => {
  for (let round = 0; round < 5; round++) {
    const id = `j${round}`
    await queued(one, id)
    await Promise.all([one.jobs.steer(id, { priority: 5 }), other.jobs.claim(['ingest'])])
    assert.equal((await one.jobs.get(id))?.priority, 5)
    await one.jobs.transition(id, { from: ['queued'], to: 'cancelled' })
  }
})

twoTest('an end that was not committed leaves the run held to its claim', async ({ one, url }) => {
  await queued(one, 'j')
  await one.jobs.claim(['ingest'])
  await begun(one, 'j')
  await inDatabase(
    url,
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
     CREATE CONSTRAINT TRIGGER refused AFTER UPDATE ON alike.job DEFERRABLE INITIALLY DEFERRED
     FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION refuse()`,
  )
  await assert.rejects(one.jobs.complete('j', 0), /not now/)
  await inDatabase(url, 'UPDATE alike.job SET attempt = attempt + 1') // acts as another process that has claimed it
  await assert.rejects(one.jobs.transition('j', { from: ['running'], to: 'queued' }), { code: 'job_taken_over' })
})

twoTest('what one process does to a job is told to the other', async ({ one, other }) => {
  const heard: (string | undefined)[] = []
  const end = other.jobs.onChange((id) => void heard.push(id))
  await queued(one, 'j')
  await until(() => heard.includes('j'), 'that a job has come')
  await one.jobs.claim(['ingest'])
  await begun(one, 'j')
  await other.jobs.steer('j', { paused: true })
  assert.equal((await one.jobs.renew('j', undefined))?.paused, true)
  await one.jobs.transition('j', { from: ['running'], to: 'queued' })
  assert.equal(await other.jobs.claim(['ingest']), undefined, 'not while it is paused')
  await other.jobs.steer('j', { paused: false })
  assert.equal((await other.jobs.claim(['ingest']))?.id, 'j')
  await other.jobs.transition('j', { from: ['queued'], to: 'cancelled' })
  assert.equal((await one.jobs.renew('j', undefined))?.state, 'cancelled')
  end()
})

twoTest('a webhook is told by one process', async ({ one, other }) => {
  await one.jobs.create({ id: 'j', gallery: 'a', source: null, webhook: 'https://example.org/' })
  await one.jobs.transition('j', { from: ['queued'], to: 'cancelled' })
  const taken = await Promise.all([one, other, one].map(({ jobs }) => dueWebhooks(jobs)))
  assert.equal(taken.flat().length, 1)
})

twoTest('a webhook that a clock that was ahead has reserved for years is told', async ({ one, other, url }) => {
  await one.jobs.create({ id: 'j', gallery: 'a', source: null, webhook: 'https://example.org/' })
  await one.jobs.transition('j', { from: ['queued'], to: 'cancelled' })
  assert.equal((await dueWebhooks(one.jobs)).length, 1)
  await inDatabase(url, "UPDATE alike.webhook SET held_until = held_until + interval '100 seconds'")
  assert.equal((await dueWebhooks(other.jobs)).length, 0)
  await inDatabase(url, "UPDATE alike.webhook SET held_until = held_until + interval '1 year'")
  assert.equal((await dueWebhooks(other.jobs)).length, 1)
})

twoTest('a process reserves no more webhooks than it can send', async ({ one, other, t }) => {
  const { host, url, taken } = await webhookServer(t, [204])
  const ids = Array.from({ length: 20 }, (_, i) => `j${i}`)
  for (const id of ids) {
    await one.jobs.create({ id, gallery: 'a', source: null, webhook: url })
    await one.jobs.transition(id, { from: ['queued'], to: 'cancelled' })
  }
  const busy = await dueWebhooks(other.jobs, 3)
  assert.deepEqual(
    busy.map(({ jobId }) => jobId),
    ids.slice(0, 3),
  )
  const webhooks = webhooksOf(one.jobs, { allowedHosts: `${host}, 127.0.0.0/8` })
  t.after(() => webhooks.close())
  webhooks.wake()
  await until(() => taken.length === 17, 'the webhooks that the other process has not reserved')
  assert.deepEqual(taken.map(({ headers }) => headers['webhook-id']).sort(), ids.slice(3).sort())
})

twoTest('a webhook that a stopping process could not send is left to others at once', async ({ one, other, t }) => {
  const { host, url } = await webhookServer(t, [204])
  await one.jobs.create({ id: 'j', gallery: 'a', source: null, webhook: url })
  await one.jobs.transition('j', { from: ['queued'], to: 'cancelled' })
  let sent = 0
  const sender = {
    expectAllowed() {},
    post: (_url: string, _request: object, signal: AbortSignal) =>
      new Promise<number>((_, reject) => {
        sent++
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  const webhooks = webhooksOf(one.jobs, { allowedHosts: host, sender })
  webhooks.wake()
  await until(() => sent === 1, 'the attempt')
  await webhooks.close()
  assert.deepEqual(
    (await dueWebhooks(other.jobs)).map(({ jobId, attempts }) => [jobId, attempts]),
    [['j', 0]],
  )
})

twoTest('what somebody else tells on the channel ends no process, and hides no notice', async ({ one, other, url }) => {
  const heard: (string | undefined)[] = []
  other.jobs.onChange((id) => void heard.push(id))
  for (const payload of ['', 'x', 'null', '[]', '{"job": 7}']) await inDatabase(url, `NOTIFY alike, '${payload}'`)
  await queued(one, 'j')
  await until(() => heard.includes('j'), 'the notice')
  assert.ok(heard.filter((id) => id === undefined).length >= 5)
})

twoTest('a gallery that one process removes is soon unknown to the other', async ({ one, other }) => {
  assert.equal((await other.catalogue.find('a'))?.name, 'a')
  await one.catalogue.remove('a')
  await until(async () => (await other.catalogue.find('a')) === undefined, 'the notice')
  await makeGallery(other.catalogue, 'a')
  assert.notEqual(await other.catalogue.find('a'), undefined)
})

twoTest(
  'while PostgreSQL is away calls are refused with a code; once it is back everything goes on',
  async ({ one, other, kill, start }) => {
    await queued(one, 'j')
    await one.jobs.claim(['ingest'])
    await begun(one, 'j')
    const heard: (string | undefined)[] = []
    other.jobs.onChange((id) => void heard.push(id))
    await kill()
    try {
      await assert.rejects(one.jobs.advance({ jobId: 'j', position: 1 }), { code: 'store_unreachable' })
      await assert.rejects(other.jobs.get('j'), { code: 'store_unreachable' })
      await assert.rejects(other.catalogue.record('a'), { code: 'store_unreachable' })
    } finally {
      await start() // the tests after this one use it too
    }
    await one.jobs.advance({ jobId: 'j', position: 1, skipped: 1 })
    assert.equal((await other.jobs.get('j'))?.position, 1)
    assert.notEqual(await one.jobs.renew('j', undefined), undefined, 'the lease was kept')
    await until(async () => {
      await one.jobs.note('j', { runs: 1, alone: null, givenUp: 0 })
      return heard.includes('j')
    }, 'notices are heard again')
  },
)
