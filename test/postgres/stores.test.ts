/** The catalogue and its sibling stores in PostgreSQL: the common contract. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judged, sharedStoresSuite } from '../gallery/shared-stores-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

sharedStoresSuite({ newPlace: newDatabase, open: openStores })

test('judgements that an older version has recorded are counted', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const model = { modelId: '00000000000000aa', dimension: 8, engine: 'any' }
  const older = await openStores(t, url)
  await older.catalogue.create({ name: 'a', uid: 'uid', setUid: 'set', settings: {}, galleriesMax: 5, ...model })
  await older.feedback.record('uid', [judged('x'), judged('y')])
  await older.close()
  await inDatabase(url, 'DROP TABLE alike.feedback_count')
  await inDatabase(url, 'DELETE FROM alike.schema_step WHERE step = (SELECT max(step) FROM alike.schema_step)')
  const { feedback } = await openStores(t, url)
  assert.equal((await feedback.record('uid', [judged('z')])).stored, 3)
})
