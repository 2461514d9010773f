/** A gallery that two processes create at the same time, each with a data folder of its own. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type EmbeddedEngine, openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import type { Catalogue } from '../../src/gallery/catalogue.js'
import type { Engine } from '../../src/gallery/engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { onlyModel } from '../../src/gallery/servable-models.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { model } from '../gallery/stored-images.js'
import { until } from '../support/until.js'
import { newDatabase, openStores } from './shared-stores.js'

/** @param before what the preparation of a set waits for */
async function openProcess(t: TestContext, url: string, before: Promise<void>) {
  const stores = await openStores(t, url)
  const logger = pino({ level: 'silent' })
  const folder = await openEmbedded({ dataDir: await dataFolder(t), logger, cataloguedElsewhere: true })
  const embedded: Engine = {
    failure: undefined,
    readOnly: undefined,
    unreachable: undefined,
    async prepare(...given) {
      asked.prepared++
      await before
      await folder.prepare!(...given)
    },
    open: (set) => folder.open(set),
    drop: (set) => folder.drop(set),
    close: () => folder.close(),
  }
  const asked = { prepared: 0, sets: 0 }
  const catalogue: Catalogue = {
    ...stores.catalogue,
    async sets(uid) {
      const sets = await stores.catalogue.sets(uid)
      asked.sets++
      return sets
    },
  }
  const galleries = await openGalleries({
    ...stores,
    catalogue,
    engines: { embedded },
    engineOfNew: 'embedded',
    progress: { committedBy: [], advance: async () => {} },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  return { galleries, folder, asked }
}

const namesIn = async ({ catalogue }: EmbeddedEngine) => (await catalogue.entries({ after: '', limit: 9 })).length

test('a gallery that two processes create at the same time is in the folder of one; the other says so', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  let end = () => {}
  const mayEnd = new Promise<void>((resolve) => (end = resolve))
  const one = await openProcess(t, url, mayEnd)
  const two = await openProcess(t, url, Promise.resolve())
  const first = one.galleries.create('a')
  await until(() => one.asked.prepared === 1, 'the first one is being made')
  const second = two.galleries.create('a')
  second.catch(() => {})
  await until(() => two.asked.sets > 0, 'the second one has found it unmade')
  end()
  assert.equal((await first).created, true)
  await assert.rejects(second, { code: 'gallery_elsewhere' })
  assert.deepEqual([await namesIn(one.folder), await namesIn(two.folder)], [1, 0])
})
