/** Connections lost between a COMMIT and its answer: the outcome is determined, or reported as unknown. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Postgres } from '../../src/postgres/postgres.js'
import { makeGallery } from '../jobs/job-store-suite.js'
import { cuttingProxy } from '../support/cutting-proxy.js'
import { newDatabase, openStores } from './shared-stores.js'

async function opened(t: TestContext) {
  const url = await newDatabase(t)
  if (url === undefined) return undefined
  const direct = await openStores(t, url)
  const proxy = await cuttingProxy(t, url)
  const stores = await openStores(t, proxy.url)
  await makeGallery(direct.catalogue, 'a')
  return { direct, stores, proxy }
}

const job = { id: 'j', gallery: 'a', source: { some: 'thing' } } as const

test('a job whose COMMIT was not answered exists once, and is reported as created', async (t) => {
  const { direct, stores, proxy } = (await opened(t)) ?? {}
  if (direct === undefined) return
  proxy!.cutNext('after')
  const made = await stores!.jobs.create(job)
  assert.deepEqual([made.created, made.job.id], [true, 'j'])
  assert.equal((await direct.jobs.list()).length, 1)
  assert.equal((await direct.jobs.claim(['ingest']))?.id, 'j')

  proxy!.cutNext('after')
  await direct.jobs.transition('j', { from: ['queued'], to: 'running', trials: { runs: 1, alone: null, givenUp: 0 } })
  await stores!.jobs.transition('j', { from: ['running'], to: 'cancelled' })
  assert.equal((await direct.jobs.get('j'))?.state, 'cancelled')
})

test('a COMMIT that never reached the server changes nothing, and can be retried', async (t) => {
  const { direct, stores, proxy } = (await opened(t)) ?? {}
  if (direct === undefined) return
  proxy!.cutNext('before')
  await assert.rejects(stores!.jobs.create(job), { code: 'store_unreachable' })
  assert.equal(await direct.jobs.get('j'), undefined)
  assert.equal((await stores!.jobs.create(job)).created, true)
})

test('if the outcome of a COMMIT cannot be determined, that is reported', async (t) => {
  const { direct, stores, proxy } = (await opened(t)) ?? {}
  if (direct === undefined) return
  proxy!.cutNext('after', { away: true })
  await assert.rejects(stores!.jobs.create(job), { code: 'store_outcome_unknown' })
  assert.equal((await direct.jobs.get('j'))?.state, 'queued')
  proxy!.back()
  assert.equal((await stores!.jobs.get('j'))?.id, 'j')
})

test('an outcome that a standby does not know yet is unknown, not a failure', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const direct = await openStores(t, url)
  await makeGallery(direct.catalogue, 'a')
  const postgres = new Postgres({ url, connectionsMax: 1, onLoss: () => {} })
  t.after(() => postgres.close())
  await postgres.query(`CREATE SCHEMA standby;
    CREATE FUNCTION standby.pg_xact_status(xid8) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'transaction ID % is in the future', $1 USING ERRCODE = '22023'; END $$`)
  const proxy = await cuttingProxy(t, url)
  const stores = await openStores(t, `${proxy.url}?options=-c%20search_path%3Dstandby,pg_catalog`)
  proxy.cutNext('after')
  await assert.rejects(stores.jobs.create(job), { code: 'store_outcome_unknown' })
})

test('the outcome is determined although the lost connection was the last one allowed', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const proxy = await cuttingProxy(t, url)
  const postgres = new Postgres({ url: proxy.url, connectionsMax: 1, onLoss: () => {} })
  t.after(() => postgres.close())
  proxy.cutNext('after')
  await postgres.transaction((sql) => sql.query('CREATE TABLE made (id int)'))
  assert.deepEqual(await postgres.query('SELECT id FROM made'), [])
})

test('a transaction whose statement is not answered fails with it, and does not wait again to roll back', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const proxy = await cuttingProxy(t, url)
  const statementMs = 5_000
  const postgres = new Postgres({ url: proxy.url, connectionsMax: 1, onLoss: () => {}, statementMs })
  t.after(() => postgres.close())
  let couldHaveRolledBack = false
  const work = postgres.transaction(async (sql) => {
    proxy.pause()
    await sql.query('SELECT 1').finally(() => setTimeout(() => (couldHaveRolledBack = true), statementMs).unref())
  })
  await assert.rejects(work, { code: 'store_unreachable' })
  assert.equal(couldHaveRolledBack, false, 'a rollback would wait as long again')
  proxy.goOn()
})
