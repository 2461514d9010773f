/** Sets that another catalogue lists: this engine only numbers them. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import {
  type EmbeddedEngine,
  type EmbeddedOptions,
  openEmbedded,
} from '../../../src/engines/embedded/embedded-engine.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { dataFolder, index } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const [vector] = [unitVectors({ dimension: model.dimension, seed: 12 })()]
const set: EmbeddingSet = {
  uid: '00000000000000b1',
  galleryUid: '00000000000000b2',
  modelId: model.id,
  dimension: model.dimension,
  state: 'ready',
}
/** As on a full disk, or under load. */
const withoutWrites = { writeQueueMax: 0 }

async function opened(t: TestContext, dataDir: string, storage?: EmbeddedOptions['storage']): Promise<EmbeddedEngine> {
  const logger = pino({ level: 'silent' })
  const engine = await openEmbedded({ dataDir, index, storage, logger, cataloguedElsewhere: true })
  t.after(() => engine.close())
  return engine
}

/** A data folder that holds one picture of the set. */
async function filled(t: TestContext): Promise<string> {
  const dataDir = await dataFolder(t)
  const engine = await opened(t, dataDir)
  await engine.prepare!(set, {}, false)
  await (await engine.open(set)).put({ put: newImage('p', vector) })
  await engine.close()
  return dataDir
}

const uidsIn = async ({ catalogue }: EmbeddedEngine) =>
  (await catalogue.entries({ after: '', limit: 10 })).map(({ uid }) => uid)

test('a known set is opened, read and searched while nothing can be written', async (t) => {
  const engine = await opened(t, await filled(t), withoutWrites)
  const again = await engine.open(set)
  const hits = await (await again.nearest({ vector })).first(1)
  assert.deepEqual(
    hits.map(({ record }) => record.id),
    ['p'],
  )
})

test('a set that was removed where nothing could be written, or by a process that died, is freed later', async (t) => {
  const dataDir = await filled(t)
  const full = await opened(t, dataDir, withoutWrites)
  await full.open(set)
  await full.drop(set)
  await assert.rejects(full.free(set), { code: 'overloaded' })
  await full.close()

  const engine = await opened(t, dataDir)
  assert.deepEqual(await uidsIn(engine), [set.uid])
  assert.equal(await engine.free({ uid: 'another' }), false)
  assert.equal(await engine.free(set), true)
  assert.deepEqual(await uidsIn(engine), [])
  assert.equal(await engine.free(set), false)
})

test('a set that was made in another data folder is refused instead of being shown empty; a dropped one is not found', async (t) => {
  const other = await opened(t, await dataFolder(t))
  await assert.rejects(other.open(set), { code: 'gallery_elsewhere' })
  await assert.rejects(other.prepare!(set, {}, true), { code: 'gallery_elsewhere' })
  await other.drop(set)
  assert.deepEqual(await uidsIn(other), [])

  const engine = await opened(t, await filled(t))
  await engine.prepare!(set, {}, true)
  assert.equal((await (await engine.open(set)).find(['p'])).length, 1)
  await engine.drop(set)
  await assert.rejects(engine.open(set), { code: 'gallery_not_found' })
})
