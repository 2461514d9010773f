import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type FittingPlace, pageOfFitting } from '../../../src/engines/embedded/page-of-fitting.js'
import { GalleryStore } from '../../../src/engines/embedded/store/gallery-store.js'
import type { Filter } from '../../../src/gallery/filter.js'
import type { ImagePage } from '../../../src/gallery/records.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { dataFolder } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const at = '2026-01-01T00:00:00.000Z'
const count = 100
const id = (i: number) => `p${String(i).padStart(3, '0')}`
const tenth: Filter = { field: 'metadata.tenth', in: [true] }

async function place(t: TestContext, more: Partial<Pick<FittingPlace, 'examinedAtOnce' | 'examinedMax'>> = {}) {
  const onFailure = (error: unknown) => assert.fail(String(error))
  const store = await GalleryStore.open({
    dataDir: await dataFolder(t),
    maxBytes: 0,
    writesMax: 8,
    onFailure,
    logger: pino({ level: 'silent' }),
  })
  t.after(() => store.close())
  const gallery = { name: 'a', uid: 'u1', setUid: 's1', modelId: model.id, dimension: model.dimension, settings: {} }
  await store.writes.commit('createGallery', { ...gallery, engine: 'embedded', galleriesMax: 1, at })
  const number = store.gallery('a').serving
  const makeVector = unitVectors({ dimension: model.dimension, seed: 52 })
  const steps = Array.from({ length: count }, (_, i) => ({
    put: newImage(id(i), makeVector(), { metadata: { tenth: i % 10 === 5, text: 'x'.repeat(100) } }),
  }))
  await store.writes.commit('changeImages', { set: number, steps, setImagesMax: 1e6, at })
  return { number, store, maxLength: 1e6, lengthOfTurn: 1e6, examinedAtOnce: 8, examinedMax: 40, ...more }
}

async function slicesOf(
  page: AsyncIterable<ImagePage>,
): Promise<{ ids: string[]; next: string | undefined; slices: number }> {
  const all: ImagePage[] = []
  for await (const slice of page) all.push(slice)
  assert.ok(
    all.slice(0, -1).every(({ next }) => next === undefined),
    'only the last slice says where the next page begins',
  )
  return {
    ids: all.flatMap(({ images }) => images.map(({ id }) => id)),
    next: all.at(-1)?.next,
    slices: all.length,
  }
}

test('a page examines a bounded number of pictures, and the next continues after them', async (t) => {
  const where = await place(t)
  const first = await slicesOf(pageOfFitting(where, { after: '', limit: 100, filter: tenth }))
  assert.deepEqual([first.ids, first.next], [[id(5), id(15), id(25), id(35)], id(39)])
  const rare: Filter = { field: 'metadata.none', exists: true }
  const empty = await slicesOf(pageOfFitting(where, { after: id(39), limit: 100, filter: rare }))
  assert.deepEqual([empty.ids, empty.next], [[], id(79)])
  const last = await slicesOf(pageOfFitting(where, { after: id(79), limit: 100, filter: tenth }))
  assert.deepEqual([last.ids, last.next], [[id(85), id(95)], undefined])
})

test('a page examines only pictures whose ids match', async (t) => {
  const where = await place(t)
  const listed: Filter = { and: [tenth, { field: 'id', in: [5, 50, 95].map(id) }] }
  const few = await slicesOf(pageOfFitting(where, { after: '', limit: 100, filter: listed }))
  assert.deepEqual([few.ids, few.next], [[id(5), id(95)], undefined])
  const ranged: Filter = { and: [{ field: 'id', range: { gte: id(60) } }, tenth] }
  const first = await slicesOf(pageOfFitting(where, { after: '', limit: 100, filter: ranged }))
  assert.deepEqual([first.ids, first.next], [[id(65), id(75), id(85), id(95)], id(99)])
})

test('a page ends at its limit and at its maximum length; long ones are read in several turns', async (t) => {
  const where = await place(t, { examinedMax: 1_000 })
  const two = await slicesOf(pageOfFitting(where, { after: '', limit: 2, filter: tenth }))
  assert.deepEqual([two.ids, two.next], [[id(5), id(15)], id(15)])
  const short = await slicesOf(pageOfFitting({ ...where, maxLength: 300 }, { after: '', limit: 9, filter: tenth }))
  assert.deepEqual([short.ids, short.next], [[id(5), id(15)], id(23)], 'up to there nothing else matches')
  const embedded = { ...where, maxLength: 1_000, dimension: model.dimension }
  const fewer = await slicesOf(pageOfFitting(embedded, { after: '', limit: 9, filter: tenth }))
  assert.deepEqual([fewer.ids, fewer.next], [[id(5)], id(7)], 'embeddings count')
  const all = { ...where, examinedAtOnce: 1_000, lengthOfTurn: 200 }
  const turns = await slicesOf(pageOfFitting(all, { after: '', limit: 100, filter: tenth }))
  assert.deepEqual([turns.ids.length, turns.next, turns.slices > 3], [10, undefined, true])
})

test('pictures removed or changed between filtering and reading are omitted, and no others', async (t) => {
  const where = await place(t, { examinedMax: 1_000, examinedAtOnce: 1_000 })
  const { number, store } = where
  const removing: FittingPlace = {
    ...where,
    store: {
      read: (read) => store.read(read),
      readAtOnce: (read) => store.readAtOnce(read),
      scan: async (name, request) => {
        const found = await store.scan(name, request)
        const steps = [{ remove: id(15) }, { patch: id(25), change: { metadata: { tenth: false } } }]
        await store.writes.commit('changeImages', { set: number, steps, setImagesMax: 1e6, at })
        return found
      },
    },
  }
  const first = await slicesOf(pageOfFitting(removing, { after: '', limit: 3, filter: tenth }))
  const rest = await slicesOf(pageOfFitting(where, { after: first.next!, limit: 100, filter: tenth }))
  const expected = [5, 35, 45, 55, 65, 75, 85, 95].map(id)
  assert.deepEqual([...first.ids, ...rest.ids], expected)
})
