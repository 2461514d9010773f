/** Jobs in PostgreSQL: the common contract, and what other processes do meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobStoreSuite } from '../jobs/job-store-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

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
