/** Decisions and judgements are found without reading all of a gallery's. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, openForWriting } from '../../../../src/engines/embedded/store/database/database.js'
import { migrate, schemaVersion } from '../../../../src/engines/embedded/store/database/schema.js'
import { DecisionTable } from '../../../../src/engines/embedded/store/judgements/decision-table.js'
import { GalleryWrites } from '../../../../src/engines/embedded/store/writing/gallery-writes.js'
import { dataFolder } from '../storage-folder.js'

const at = '2026-01-01T00:00:00Z'

/** With a gallery and a decision about two images. */
async function decided(t: TestContext): Promise<{ database: Database; writes: GalleryWrites }> {
  const database = openForWriting(join(await dataFolder(t), 'alike.db'), { maxBytes: 0 })
  t.after(() => database.close())
  migrate(database)
  const writes = new GalleryWrites(database)
  const model = { engine: 'embedded', modelId: '00000000000000aa', dimension: 8, settings: {}, galleriesMax: 9 }
  writes.catalogue.createGallery({ name: 'a', uid: 'a', setUid: 'set-a', ...model, at })
  const images = ['x', 'y'].map((id) => ({ id, contentHash: 'h', label: null, labelBefore: null }))
  const finding = { kind: 'label' as const, decision: 'dismissed' as const, images, changed: 0, by: '' }
  writes.decisions.add({ gallery: 1, finding, max: 9, at })
  return { database, writes }
}

test('decisions of an older version are found by their images; one that is damaged does not hinder the start', async (t) => {
  const { database } = await decided(t)
  database.exec(`DROP TABLE decision_image; DROP INDEX feedback_in_order; DROP INDEX job_by_end`)
  database.exec(
    `INSERT INTO decision SELECT 2, gallery, kind, decision, '[{"id"', label, keep, changed, judge, at, 0, 0 FROM decision`,
  )
  database.pragma(`user_version = ${schemaVersion - 3}`)
  migrate(database)
  const found = new DecisionTable(database).page(1, 0, 10, ['y', 'z'])
  assert.deepEqual(
    found.map(({ number }) => number),
    [1],
  )
})

test('the images of a decision are forgotten with its gallery', async (t) => {
  const { database, writes } = await decided(t)
  writes.catalogue.deleteGallery({ gallery: 1, onlyUnprepared: false, at })
  while (writes.purge());
  assert.equal(database.prepare('SELECT count(*) FROM decision_image').pluck().get(), 0)
})

test('a page of judgements is read in order, without sorting all of the gallery', async (t) => {
  const { database } = await decided(t)
  const page = 'SELECT * FROM feedback WHERE gallery = 1 AND number > 7 ORDER BY number LIMIT 9'
  const plan = database.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${page}`).all()
  assert.deepEqual(
    plan.map(({ detail }) => detail),
    ['SEARCH feedback USING INDEX feedback_in_order (gallery=? AND number>?)'],
  )
})
