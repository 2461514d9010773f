/** The look-ups that are kept, and what ends them; with PostgreSQL see test/postgres/cached-catalogue.test.ts. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { AlikeError } from '../../src/errors.js'
import { cachedCatalogue } from '../../src/gallery/cached-catalogue.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { makeGallery } from '../jobs/job-store-suite.js'

/** A catalogue with the gallery `a`, and the number of look-ups that reach what it caches. */
async function withGallery(t: TestContext) {
  const engine = await openEmbedded({ dataDir: await dataFolder(t), logger: pino({ level: 'silent' }) })
  t.after(() => engine.close())
  const { mock } = t.mock.method(engine.catalogue, 'find')
  const catalogue = cachedCatalogue(engine.catalogue)
  await makeGallery(catalogue, 'a')
  return { catalogue, reads: () => mock.callCount(), mock }
}

test('a look-up is kept, also that nothing was found, until a gallery changes, or a change of one fails', async (t) => {
  const { catalogue, reads } = await withGallery(t)
  const find = async () => {
    const [a, b] = [await catalogue.find('a'), await catalogue.find('b')]
    assert.equal(await catalogue.find('a'), a)
    assert.equal(await catalogue.find('b'), b)
    return { a, b }
  }
  const first = await find()
  assert.equal(first.a?.name, 'a')
  assert.equal(first.b, undefined)
  assert.equal(reads(), 2)

  await makeGallery(catalogue, 'b')
  assert.equal((await find()).b?.name, 'b')
  await catalogue.change('a', { keepQueries: 3 })
  assert.equal((await find()).a?.options.keepQueries, 3)
  const set = { ...first.a!.set, uid: 'second', engine: 'any', about: {} }
  await catalogue.addSet(set)
  await catalogue.changeSet('second', { stage: 'ready' })
  await catalogue.serve('second', {})
  assert.equal((await find()).a?.set.uid, 'second')
  await catalogue.remove('a')
  assert.equal((await find()).a, undefined)
  await makeGallery(catalogue, 'a')
  assert.notEqual((await find()).a?.uid, first.a?.uid)
  assert.equal(reads(), 12)

  await assert.rejects(catalogue.change('c', {}), { code: 'gallery_not_found' })
  await find()
  assert.equal(reads(), 14, 'whether it changed something is not known')
})

test('a look-up that failed is not kept, and unknown names, however many, take bounded room', async (t) => {
  const { catalogue, reads, mock } = await withGallery(t)
  mock.mockImplementationOnce(() => Promise.reject(new AlikeError('data_unreadable')))
  await assert.rejects(catalogue.find('a'), { code: 'data_unreadable' })
  assert.equal((await catalogue.find('a'))?.name, 'a')
  for (let i = 0; i < 1_000; i++) assert.equal(await catalogue.find(`unknown ${i}`), undefined)
  assert.equal(reads(), 1_002)
  assert.equal((await catalogue.find('a'))?.name, 'a')
  assert.equal(reads(), 1_003)
})
