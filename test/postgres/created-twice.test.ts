/** A gallery that two processes create, or one begins to create, each with a data folder of its own. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type EmbeddedEngine, openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import type { Catalogue } from '../../src/gallery/catalogue.js'
import type { Engine } from '../../src/gallery/engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { newEntry } from '../gallery/new-entry.js'
import { onlyModel } from '../gallery/only-model.js'
import { model } from '../gallery/stored-images.js'
import { until } from '../support/until.js'
import { newDatabase, openStores } from './shared-stores.js'

const atOnce = Promise.resolve()

/**
 * @param before what the preparation of a set waits for
 * @param beforeThat what the creation of a gallery waits for once others can see it
 */
async function openProcess(t: TestContext, url: string, before = atOnce, beforeThat = atOnce, takesUnprepared = true) {
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
    async create(entry) {
      const made = await stores.catalogue.create(entry)
      await beforeThat
      return made
    },
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
    takesUnprepared,
    progress: { committedBy: [], advance: async () => {} },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  return { galleries, folder, asked, catalogue: stores.catalogue }
}

const namesIn = async ({ catalogue }: EmbeddedEngine) => (await catalogue.entries({ after: '', limit: 9 })).length

test('a gallery that two processes create at the same time is in the folder of one; the other says so', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  let end = () => {}
  const mayEnd = new Promise<void>((resolve) => (end = resolve))
  const one = await openProcess(t, url, mayEnd)
  const two = await openProcess(t, url)
  const first = one.galleries.create('a')
  await until(() => one.asked.prepared === 1, 'the first one is being made')
  const second = two.galleries.create('a')
  second.catch(() => {})
  await until(() => two.asked.sets > 0, 'the second one has found it unprepared')
  end()
  assert.equal((await first).created, true)
  await assert.rejects(second, { code: 'gallery_elsewhere' })
  assert.deepEqual([await namesIn(one.folder), await namesIn(two.folder)], [1, 0])
})

test('while the process that creates a gallery lives, no other one prepares it', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  let end = () => {}
  const mayEnd = new Promise<void>((resolve) => (end = resolve))
  const one = await openProcess(t, url, atOnce, mayEnd)
  const two = await openProcess(t, url)
  const creation = one.galleries.create('a')
  await until(async () => (await two.catalogue.find('a')) !== undefined, 'its row')
  await assert.rejects(two.galleries.sets.finishPreparing('a'), { code: 'gallery_not_found', message: /being created/ })
  const three = await openProcess(t, url)
  end()
  assert.equal((await creation).created, true)
  await two.galleries.sets.finishPreparing('a')
  assert.deepEqual([await namesIn(one.folder), await namesIn(two.folder), await namesIn(three.folder)], [1, 0, 0])
})

test('a gallery whose creator died before it was prepared is prepared by whoever has a job for it, or starts', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const one = await openProcess(t, url)
  const leave = (name: string) => one.catalogue.create(newEntry({ name }))
  await leave('a')
  await one.galleries.sets.finishPreparing('a')
  assert.equal((await one.galleries.images.find('a', ['p'])).length, 0)
  await leave('b')
  const worker = await openProcess(t, url, atOnce, atOnce, false)
  const two = await openProcess(t, url)
  assert.equal((await two.galleries.images.find('b', ['p'])).length, 0)
  assert.deepEqual([await namesIn(one.folder), await namesIn(worker.folder), await namesIn(two.folder)], [1, 0, 1])
  await assert.rejects(two.galleries.create('a'), { code: 'gallery_elsewhere' })
})
