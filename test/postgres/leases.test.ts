/** Two processes at one database: who has which job, and what becomes of it when one of them is silent. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SharedStores } from '../../src/postgres/open-postgres.js'
import { makeGallery } from '../jobs/job-store-suite.js'
import { postgresServer } from '../support/postgres-server.js'
import { until } from '../support/until.js'
import { openStores } from './shared-stores.js'

interface Two {
  one: SharedStores
  other: SharedStores
}

function twoTest(
  name: string,
  body: (two: Two & { t: TestContext; kill(): Promise<void>; start(): Promise<void> }) => Promise<void>,
) {
  test(name, async (t) => {
    const server = await postgresServer(t)
    if (server === undefined) return
    const url = await server.newDatabase()
    const [one, other] = await Promise.all([openStores(t, url), openStores(t, url)])
    for (const gallery of ['a', 'b']) await makeGallery(one.catalogue, gallery)
    await body({ one, other, t, kill: () => server.kill(), start: () => server.start() })
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

twoTest(
  'a process that is silent loses its job to the next, at the position that it stored, and writes nothing more',
  async ({ one, other }) => {
    await queued(one, 'j')
    assert.equal((await one.jobs.claim(['ingest']))?.state, 'queued')
    await begun(one, 'j')
    await one.jobs.advance({ jobId: 'j', position: 5, skipped: 5 })
    const reading = { elapsedMs: 1, doneInThisRun: 5, shareAtStart: 0, share: 0.5 }
    assert.deepEqual((await one.jobs.renew('j', reading))?.reading, reading)
    assert.deepEqual((await other.jobs.get('j'))?.reading, reading, 'the other one hears how far it is')
    assert.equal(await other.jobs.claim(['ingest']), undefined)
    const taken = await until(() => other.jobs.claim(['ingest']), 'the end of the lease')
    assert.deepEqual(
      [taken.state, taken.position, taken.trials?.runs],
      ['running', 5, 1],
      'a death of the process over it',
    )
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
  const taken = await Promise.all([one, other, one].map(({ jobs }) => jobs.webhooks()))
  assert.equal(taken.flat().length, 1)
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
    await assert.rejects(one.jobs.advance({ jobId: 'j', position: 1 }), { code: 'store_unreachable' })
    await assert.rejects(other.jobs.get('j'), { code: 'store_unreachable' })
    await assert.rejects(other.catalogue.record('a'), { code: 'store_unreachable' })
    await start()
    await one.jobs.advance({ jobId: 'j', position: 1, skipped: 1 })
    assert.equal((await other.jobs.get('j'))?.position, 1)
    assert.notEqual(await one.jobs.renew('j', undefined), undefined, 'the lease has lasted')
    await until(async () => {
      await one.jobs.note('j', { runs: 1, alone: null, givenUp: 0 })
      return heard.includes('j')
    }, 'notices are heard again')
  },
)
