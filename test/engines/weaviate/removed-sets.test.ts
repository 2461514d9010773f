/** Collections of removed sets whose process died, or whose server was down, are removed; no others are. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import type { Galleries } from '../../../src/gallery/galleries.js'
import { RemovedSets } from '../../../src/gallery/removed-sets.js'
import { until } from '../../support/until.js'
import { skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { dataFolder } from '../embedded/storage-folder.js'
import { catalogueOf, collectionsOf, engineOf, openWeaviateGalleries } from './weaviate-galleries.js'

const needsServer = { skip: skipWithoutWeaviate }

const collectionOf = async (galleries: Galleries, name: string) =>
  `Alike_${(await catalogueOf(galleries).find(name))!.set.uid}`

function sweeping(t: TestContext, galleries: Galleries, now?: () => number): RemovedSets {
  const removed = new RemovedSets({
    catalogue: catalogueOf(galleries),
    engines: { weaviate: engineOf(galleries) },
    logger: pino({ level: 'silent' }),
    now,
  })
  t.after(() => removed.close())
  return removed
}

test('what a process left behind is removed at the next start, and nothing of others', needsServer, async (t) => {
  const server = await startWeaviate()
  const open = async () => openWeaviateGalleries(t, { dataDir: await dataFolder(t), server: server.settings })
  const [ours, others] = [await open(), await open()]
  await ours.create('stays')
  await ours.create('gone')
  await others.create('theirs')
  const left = [await collectionOf(ours, 'stays'), await collectionOf(others, 'theirs')].sort()
  const catalogue = catalogueOf(ours)
  await catalogue.remove('gone') // the process dies before it has removed the collection
  assert.equal((await collectionsOf(server)).length, 3)

  sweeping(t, ours)
  await until(async () => (await collectionsOf(server)).length === 2, 'the end of the collection')
  assert.deepEqual(await collectionsOf(server), left)
  assert.equal((await catalogue.removedSets()).length, 1, 'it may be created once more')
  const muchLater = sweeping(t, ours, () => Date.now() + 86_400_000)
  await until(async () => (await catalogue.removedSets()).length === 0, 'it is forgotten')
  assert.deepEqual(await muchLater.sweep(), [])
  assert.deepEqual(await collectionsOf(server), left)
  await server.kill()
})

test('a gallery deleted while the server was down is removed by the next process', needsServer, async (t) => {
  const server = await startWeaviate()
  const [dataDir, settings] = [await dataFolder(t), { ...server.settings, timeoutMs: 1_000 }]
  const first = await openWeaviateGalleries(t, { dataDir, server: settings })
  await first.create('g')
  await server.kill()
  await first.delete('g')
  await first.close()
  await server.start()
  assert.equal((await collectionsOf(server)).length, 1)
  const second = await openWeaviateGalleries(t, { dataDir, server: settings })
  sweeping(t, second)
  await until(async () => (await collectionsOf(server)).length === 0, 'the end of the collection')
  await server.kill()
})
