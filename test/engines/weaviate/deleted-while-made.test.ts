/** A gallery that is deleted while its collection is being created leaves none behind; one whose creator died gets it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../../src/engines/embedded/embedded-engine.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { aboutUnprepared } from '../../../src/gallery/prepared-sets.js'
import { newEntry } from '../../gallery/new-entry.js'
import { until } from '../../support/until.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { dataFolder } from '../embedded/storage-folder.js'
import { catalogueOf, collectionsOf, engineOf, layout, openWeaviateGalleries } from './weaviate-galleries.js'

const needsServer = { skip: skipWithoutWeaviate }
const removalPauseMs = 500

async function opened(t: TestContext) {
  const server = await sharedWeaviate()
  const galleries = await openWeaviateGalleries(t, {
    dataDir: await dataFolder(t),
    server: server.settings,
    removalPauseMs,
  })
  return { server, galleries, catalogue: catalogueOf(galleries) }
}

test('deleted by the process that creates it', needsServer, async (t) => {
  const { server, galleries, catalogue } = await opened(t)
  for (let round = 0; round < 5; round++) {
    const making = galleries.create('g')
    await until(async () => (await catalogue.find('g')) !== undefined, 'its row')
    await galleries.delete('g')
    assert.equal((await making).created, true)
    await until(async () => (await collectionsOf(server)).length === 0, 'the end of its collection')
  }
})

test('deleted by another process, and another gallery of its name stays', needsServer, async (t) => {
  const { server, galleries, catalogue } = await opened(t)
  const other = await openWeaviate({
    layout,
    server: server.settings,
    removalPauseMs,
    logger: pino({ level: 'silent' }),
  })
  t.after(() => other.close())
  const making = galleries.create('g')
  await until(async () => (await catalogue.find('g')) !== undefined, 'its row')
  const { sets } = await catalogue.remove('g')
  await other.drop(sets[0]!)
  const { gallery } = await galleries.create('g')
  assert.equal((await making).created, true)
  await until(async () => (await collectionsOf(server)).length === 1, 'only the collection of the second')
  assert.equal((await galleries.get('g')).uid, gallery.uid)
  await galleries.delete('g')
})

test(
  'created after its deletion and the check for it, by a process that died before it knew',
  needsServer,
  async (t) => {
    const { server, galleries } = await opened(t)
    const set = { uid: 'a1'.repeat(8), galleryUid: 'g', modelId: 'm', dimension: 4, state: 'ready' as const }
    const other = await openWeaviate({ layout, server: server.settings, logger: pino({ level: 'silent' }) })
    t.after(() => other.close())
    await engineOf(galleries).drop(set)
    await other.prepare(set, {}, false)
    assert.equal((await collectionsOf(server)).length, 1)
    await until(async () => (await collectionsOf(server)).length === 0, 'the second look')
  },
)

test('a collection that another process has yet to make, or has just deleted, is not lost', needsServer, async (t) => {
  const { galleries, catalogue } = await opened(t)
  const notFound = { code: 'gallery_not_found' }
  const { gallery } = await catalogue.create(newEntry({ name: 'g', engine: 'weaviate' }))
  await assert.rejects(galleries.images.find('g', ['p']), notFound)
  await galleries.create('g')
  const set = await engineOf(galleries).open({ ...gallery.set, state: 'ready' })
  assert.deepEqual(await set.find(['p']), [])
  const other = await openWeaviate({
    layout,
    server: (await sharedWeaviate()).settings,
    logger: pino({ level: 'silent' }),
  })
  t.after(() => other.close())
  await catalogue.remove('g')
  await other.drop(gallery.set)
  await assert.rejects(set.find(['p']), notFound)
})

test(
  'a gallery whose creator died before its collection existed gets it at the next start, as it was asked for',
  needsServer,
  async (t) => {
    const { settings } = await sharedWeaviate()
    const dataDir = await dataFolder(t)
    const embedded = await openEmbedded({ dataDir, logger: pino({ level: 'silent' }) })
    const about = aboutUnprepared({ shards: 2 })
    await embedded.catalogue.create(newEntry({ name: 'g', engine: 'weaviate', about }))
    await embedded.close()
    const galleries = await openWeaviateGalleries(t, { dataDir, server: settings })
    assert.deepEqual(await galleries.images.find('g', ['p']), [])
    assert.equal((await galleries.create('g', {}, { shards: 2 })).created, false)
    await assert.rejects(galleries.create('g', {}, { shards: 1 }), { code: 'gallery_exists' })
  },
)
