/** Jobs in PostgreSQL: the common contract, and what other processes do meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobStoreSuite, makeGallery } from '../jobs/job-store-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

const webhooks: Readonly<Record<string, string>> = { told: 'https://example.org/' }

jobStoreSuite({ newPlace: newDatabase, open: openStores })

test('a repeated job gets the first one, even if that is deleted at this moment', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue, jobs } = await openStores(t, url)
  const set = { setUid: 's', engine: 'shared', modelId: '00000000000000aa', dimension: 8 }
  await catalogue.create({ name: 'a', uid: 'a', ...set, settings: {}, galleriesMax: 10 })
  const job = { gallery: 'a', source: null, idempotencyKey: 'k' }
  await jobs.create({ id: 'first', ...job })
  await inDatabase(
    url,
    `CREATE FUNCTION delete_jobs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM alike.job; RETURN NULL; END';
     CREATE TRIGGER meanwhile AFTER INSERT ON alike.job EXECUTE FUNCTION delete_jobs()`,
  )
  const { job: found, created } = await jobs.create({ id: 'second', ...job })
  assert.deepEqual([found.id, created], ['first', false])
  assert.equal(await jobs.get('first'), undefined)
})

test('old jobs, and the lines of their reports, are deleted in groups, however many there are', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue, jobs } = await openStores(t, url)
  await makeGallery(catalogue, 'a')
  for (const id of ['new', 'told', 'old']) await jobs.create({ id, gallery: 'a', source: null, webhook: webhooks[id] })
  for (const id of ['told', 'old']) await jobs.transition(id, { from: ['queued'], to: 'cancelled' })
  await inDatabase(
    url,
    `INSERT INTO alike.job (id, delivery, kind, gallery, gallery_uid, state, source, added, updated, removed, skipped, failed,
         replaced, names_assumed, position, created_at, finished_at, priority, paused)
       SELECT 'old-' || n, gen_random_uuid(), kind, gallery, gallery_uid, state, source, added, updated, removed, skipped,
         failed, replaced, names_assumed, position, created_at, finished_at, priority, paused
       FROM alike.job, generate_series(1, 2500) AS n WHERE id = 'old';
     INSERT INTO alike.job_error SELECT number, n, 'x', 'x', 'x' FROM alike.job, generate_series(1, 25000) AS n WHERE id = 'old';
     CREATE TABLE deleted (rows bigint);
     CREATE FUNCTION count_deleted() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN INSERT INTO deleted SELECT count(*) FROM gone; RETURN NULL; END';
     CREATE TRIGGER counted AFTER DELETE ON alike.job REFERENCING OLD TABLE AS gone EXECUTE FUNCTION count_deleted();
     CREATE TRIGGER counted AFTER DELETE ON alike.job_error REFERENCING OLD TABLE AS gone EXECUTE FUNCTION count_deleted()`,
  )
  assert.equal(await jobs.forget('9999'), 2_501)
  assert.deepEqual(
    (await jobs.list()).map(({ id }) => id),
    ['told', 'new'],
  )
  const [deleted] = await inDatabase(url, 'SELECT max(rows)::integer AS most, sum(rows)::integer AS all FROM deleted')
  assert.equal(deleted!.all, 27_501)
  assert.ok((deleted!.most as number) <= 10_000, `${deleted!.most} rows in one statement`)
})
