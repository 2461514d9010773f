/** What the queues keep of a job, and for how long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeGallery } from '../jobs/job-store-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { until } from '../support/until.js'
import { newDatabase, openStores } from './shared-stores.js'

test('a job that was paused for days runs once it is resumed', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue, jobs } = await openStores(t, url)
  await makeGallery(catalogue, 'a')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.steer('j', { paused: true })
  await inDatabase(url, `UPDATE alike_queue.job SET completed_on = now() - interval '40 days'`)
  await inDatabase(
    url,
    `INSERT INTO alike_queue.job (name, state, completed_on, deletion_seconds)
     VALUES ('ingest', 'completed', now() - interval '40 days', 1)`,
  )
  await inDatabase(url, 'UPDATE alike_queue.queue SET maintain_on = NULL')
  const left = () => inDatabase(url, `SELECT 1 FROM alike_queue.job WHERE state = 'completed'`)
  await until(async () => (await left()).length === 0, 'the upkeep of the queues')
  await jobs.steer('j', { paused: false })
  assert.equal((await until(() => jobs.claim(['ingest']), 'the job')).id, 'j')
})

test('a lease that is set differently applies to the jobs that come then', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const before = await openStores(t, url, { leaseSeconds: 3_600 })
  await makeGallery(before.catalogue, 'a')
  await before.close()
  const { jobs } = await openStores(t, url, { leaseSeconds: 10 })
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  assert.deepEqual(await inDatabase(url, 'SELECT heartbeat_seconds FROM alike_queue.job'), [{ heartbeat_seconds: 10 }])
})

test('queues that cannot be opened leave no timer behind, which would keep a failed start from ending', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  await (await openStores(t, url)).close()
  await inDatabase(url, 'ALTER FUNCTION alike_queue.create_queue(text, jsonb) RENAME TO create_queue_gone')
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  await assert.rejects(openStores(t, url), /create_queue/)
  assert.ok(timers() <= before)
})
