/** Layouts of sets that are removed while they are written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeGallery } from '../jobs/job-store-suite.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

test('a layout whose gallery is removed while it is written fails as one of a gallery that is gone', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue, layouts } = await openStores(t, url)
  await makeGallery(catalogue, 'a')
  const { set } = (await catalogue.find('a'))!
  const method = { pcaDimensions: 8, sampled: 1, neighbours: 1, seed: 1 }
  const about = { modelId: set.modelId, mark: '1', images: 1, method }
  // as by another process at this moment
  await inDatabase(
    url,
    `CREATE FUNCTION remove_set() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN DELETE FROM alike.embedding_set; RETURN NEW; END $$;
     CREATE TRIGGER removes BEFORE INSERT ON alike.layout_point FOR EACH ROW EXECUTE FUNCTION remove_set()`,
  )
  const saved = layouts.save(set.uid, about, [{ id: 'p', x: 0, y: 0, doubt: null }])
  await assert.rejects(saved, { code: 'gallery_not_found' })
})
