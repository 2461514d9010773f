import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pino } from 'pino'
import { FilterSlots } from '../../../src/engines/embedded/filter-slots.js'
import { GalleryStore } from '../../../src/engines/embedded/store/gallery-store.js'
import type { SlotsAmong } from '../../../src/engines/embedded/store/reading/reader-protocol.js'
import { seededRandom } from '../../../src/eval/random.js'
import type { Filter } from '../../../src/gallery/filter.js'
import type { ImageChange } from '../../../src/gallery/records.js'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 51 })
const even: Filter = { field: 'metadata.even', in: [true] }
/** Fits every picture. */
const any: Filter = { not: { field: 'id', in: [''] } }
const images = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) =>
    newImage(`p${from + i}`, makeVector(), {
      label: i % 3 === 0 ? 'third' : null,
      metadata: { even: (from + i) % 2 === 0 },
    }),
  )

async function opened(t: TestContext) {
  const store = await GalleryStore.open({
    dataDir: await dataFolder(t),
    maxBytes: 0,
    writesMax: 8,
    onFailure: (error) => assert.fail(error),
    logger: pino({ level: 'silent' }),
  })
  t.after(() => store.close())
  const at = '2026-01-01T00:00:00.000Z'
  await store.writes.commit('createGallery', {
    name: 'a',
    uid: 'u1',
    setUid: 's1',
    modelId: model.id,
    dimension: model.dimension,
    settings: {},
    engine: 'embedded',
    galleriesMax: 1,
    at,
  })
  const scanned: SlotsAmong[] = []
  const filters = new FilterSlots({
    scan: (name, request) => {
      if ('among' in request!) scanned.push(request.among)
      return store.scan(name, request)
    },
  })
  const put = (from: number, count: number) =>
    store.writes.commit('changeImages', {
      set: store.gallery('a').serving,
      steps: images(from, count).map((put) => ({ put })),
      setImagesMax: 1e6,
      at,
    })
  const set = () => store.gallery('a').serving
  const change = async (id: string, change: ImageChange) => {
    const [result] = await store.writes.commit('changeImages', {
      set: set(),
      steps: [{ patch: id, change }],
      setImagesMax: 1e6,
      at: '2026-01-02T00:00:00.000Z',
    })
    filters.note(set(), 'patchedSlot' in result! ? [result.patchedSlot] : [])
  }
  const remove = async (...slots: number[]) =>
    filters.note(
      set(),
      await store.writes.commit('deleteFitting', { set: set(), slots: Uint32Array.from(slots), filter: any, at }),
    )
  const setOf = () => store.read(({ sets }) => sets.get(store.gallery('a').serving))
  const slots = async (filter = even, keep = true) => [...(await filters.slots(setOf(), filter, keep))]
  return { store, filters, scanned, put, setOf, slots, change, remove }
}

const evens = (end: number) => Array.from({ length: Math.ceil(end / 2) }, (_, i) => 2 * i)

test('only additions are read again, and found', async (t) => {
  const { filters, scanned, put, slots, setOf } = await opened(t)
  await put(0, 20)
  assert.deepEqual(await slots(), evens(20))
  assert.deepEqual(await slots(), evens(20))
  const before = await filters.slots(setOf(), even, true)
  await put(20, 5)
  await put(25, 300)
  assert.deepEqual(await slots(), evens(325))
  await put(325, 3)
  assert.deepEqual(await Promise.all([slots(), slots()]), [evens(328), evens(328)])
  assert.deepEqual(scanned, [
    { from: 0, to: 20 },
    { from: 20, to: 325 },
    { from: 325, to: 328 },
  ])
  assert.deepEqual([...before], evens(20), 'a search in progress finishes with the set it began with')
})

test('after changes and removals only those pictures are read again', async (t) => {
  const { filters, scanned, put, slots, setOf, change, remove } = await opened(t)
  await put(0, 10)
  assert.deepEqual(await slots(), evens(10))
  const before = await filters.slots(setOf(), even, true)
  await change('p4', { metadata: {} })
  await change('p7', { metadata: { even: true } })
  await change('p8', { label: 'still even' })
  await remove(0, 5)
  await put(10, 2)
  await change('p10', { metadata: {} })
  await change('p11', { metadata: { even: true } })
  const now = [2, 6, 7, 8, 11]
  assert.deepEqual(await Promise.all([slots(), slots()]), [now, now])
  assert.deepEqual([...before], evens(10), 'a search in progress finishes with the slots it began with')
  await change('p9', { metadata: { even: true } })
  await change('p9', { metadata: { even: false } })
  assert.deepEqual(await slots(), now)
  assert.deepEqual(scanned, [{ from: 0, to: 10 }, { listed: [0, 4, 5, 7, 8] }, { from: 10, to: 12 }, { listed: [9] }])
})

test('after very many changes everything is read again', async (t) => {
  const { filters, scanned, put, slots, setOf } = await opened(t)
  await put(0, 4)
  await slots()
  filters.note(
    setOf().number,
    Array.from({ length: 2 ** 16 + 1 }, () => 1),
  )
  assert.deepEqual(await slots(), evens(4))
  assert.deepEqual(scanned, [
    { from: 0, to: 4 },
    { from: 0, to: 4 },
  ])
})

test('random changes, removals and additions between searches with several filters leave what a scan finds', async (t) => {
  const { put, slots, change, remove, setOf } = await opened(t)
  const random = seededRandom(7)
  const filters: Filter[] = [even, { field: 'label', in: ['x'] }, { not: even }]
  await put(0, 50)
  for (let round = 0; round < 150; round++) {
    const slot = Math.floor(random() * setOf().next_slot)
    const chance = random()
    if (chance < 0.2) await put(setOf().next_slot, 1 + Math.floor(random() * 3))
    else if (chance < 0.4) await remove(slot)
    else await change(`p${slot}`, { metadata: { even: random() < 0.5 }, label: random() < 0.5 ? 'x' : null })
    const filter = filters[Math.floor(random() * filters.length)]!
    if (random() < 0.6) assert.deepEqual(await slots(filter), await slots(filter, false), `round ${round}`)
  }
})

test('a filter for one search is not cached', async (t) => {
  const { scanned, put, slots } = await opened(t)
  await put(0, 10)
  assert.deepEqual(await slots({ field: 'label', in: ['third'] }, false), [0, 3, 6, 9])
  assert.deepEqual(await slots({ field: 'label', in: ['third'] }, false), [0, 3, 6, 9])
  assert.deepEqual(scanned, [
    { from: 0, to: 10 },
    { from: 0, to: 10 },
  ])
})

test('listed ids are looked up, each time again', async (t) => {
  const { scanned, put, slots, setOf } = await opened(t)
  await put(0, 20)
  const listed: Filter = { and: [even, { field: 'id', in: ['p2', 'p3', 'p24'] }] }
  assert.deepEqual(await slots(listed), [2])
  await put(20, 5)
  assert.deepEqual(await slots(listed), [2, 24])
  assert.deepEqual(scanned, [
    { from: 0, to: 20 },
    { from: 0, to: setOf().next_slot },
  ])
})

test('a limited number of filters is cached, and a cache hit evicts none', async (t) => {
  const { scanned, put, slots } = await opened(t)
  await put(0, 4)
  const numbered = (i: number): Filter => ({ field: 'metadata.number', in: [i] })
  for (let i = 0; i < 64; i++) await slots(numbered(i))
  for (const i of [0, 63, 20]) await slots(numbered(i))
  assert.equal(scanned.length, 64)
  await slots(numbered(64))
  await slots(numbered(0))
  assert.equal(scanned.length, 66)
})

test('the slots of all sets together are limited, and those of the sets searched longest ago go first', async () => {
  const scanned: number[] = []
  const scan = async (_name: string, { gallery, among }: { gallery: number; among: SlotsAmong }) => {
    scanned.push(gallery)
    if (gallery === 9) throw new Error('it broke')
    return 'to' in among
      ? Uint32Array.from({ length: among.to - among.from }, (_, i) => among.from + i)
      : new Uint32Array()
  }
  const filters = new FilterSlots({ scan: scan as unknown as GalleryStore['scan'] }, 100)
  const ask = async (number: number, next_slot = 30) => (await filters.slots({ number, next_slot }, even, true)).length
  const scannedBy = async (...asked: Parameters<typeof ask>[]) => {
    scanned.length = 0
    for (const one of asked) await ask(...one)
    return [...scanned]
  }
  assert.deepEqual(await scannedBy([1], [2], [3]), [1, 2, 3], '90 slots')
  assert.deepEqual(await scannedBy([1], [2], [3], [1]), [])
  assert.deepEqual(await scannedBy([4]), [4], 'drops 2')
  assert.deepEqual(await scannedBy([3], [1], [4]), [])
  assert.deepEqual(await scannedBy([1, 41]), [1], 'one that has grown counts: 3 is dropped')
  assert.deepEqual(await scannedBy([4], [1, 41], [2]), [2])
  assert.deepEqual(await scannedBy([4], [1, 41]), [4, 1], '4 was dropped for 2, and 1 for 4')
  await assert.rejects(ask(9))
  filters.forget(1)
  filters.forget(4)
  assert.equal(await ask(5, 101), 101, 'more than there is room for')
  assert.deepEqual(await scannedBy([5, 101], [6, 100], [6, 100]), [5, 6])
})

test('a cached filter takes no memory for its values', async (t) => {
  const { put, slots } = await opened(t)
  await put(0, 1)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = held()
  for (let i = 0; i < 32; i++)
    await slots({ field: 'label', in: Array.from({ length: 500 }, (_, n) => `${i} ${n}`.padEnd(1_000, 'ж')) })
  const kept = held() - before
  assert.ok(kept < 8 * 2 ** 20, `${kept} bytes are held for filters of 1 MB each`)
})

test('searches with a filter see earlier additions, replacements, changes and removals', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const found = async () => {
    const { hits, compared } = await galleries.searches.search('a', {
      vector: images(0, 1)[0]!.vector,
      k: 1_000,
      filter: even,
    })
    assert.equal(compared, hits.length)
    return hits.map(({ record }) => record.id).sort()
  }
  await putImages(galleries.images, 'a', images(0, 4))
  assert.deepEqual(await found(), ['p0', 'p2'])
  await putImages(galleries.images, 'a', images(4, 2))
  assert.deepEqual(await found(), ['p0', 'p2', 'p4'])
  await putImages(galleries.images, 'a', [
    newImage('p0', makeVector(), { metadata: { even: false } }),
    newImage('p1', makeVector(), { metadata: { even: true } }),
  ])
  assert.deepEqual(await found(), ['p1', 'p2', 'p4'])
  await galleries.images.patch('a', 'p2', { metadata: { even: false } })
  assert.deepEqual(await found(), ['p1', 'p4'])
  await removeImages(galleries.images, 'a', ['p1'])
  await putImages(galleries.images, 'a', images(6, 1))
  assert.deepEqual(await found(), ['p4', 'p6'])
})

test('searches of others come in between a filter of many conditions, which is applied in slices', async (t) => {
  const { store, filters, scanned, put, setOf, slots } = await opened(t)
  await put(0, 900)
  const never = (n: number): Filter => ({ field: 'metadata.even', in: [`none ${n}`] })
  const many: Filter = { or: [even, ...Array.from({ length: 98 }, (_, n) => never(n))] }
  const ended: string[] = []
  await Promise.all([
    filters.slots(setOf(), many, true).then(() => ended.push('many')),
    store
      .scan('labels', { gallery: store.gallery('a').serving, after: undefined, limit: 10 })
      .then(() => ended.push('other')),
  ])
  assert.deepEqual(ended, ['other', 'many'])
  assert.deepEqual(await slots(many), evens(900))
  assert.ok(scanned.length > 1)
  assert.deepEqual(
    [scanned[0], scanned.at(-1)].map((among) => 'to' in among! && among.to > 0),
    [true, true],
  )

  // labels are found by their index, and only what has them is read
  scanned.length = 0
  const third: Filter = { field: 'label', in: ['third'] }
  assert.deepEqual(
    await slots({ and: [third, { and: [many, { not: never(0) }] }] }),
    evens(900).filter((slot) => slot % 3 === 0),
  )
  assert.deepEqual(scanned[0], { from: 0, to: 900 })
  const listed = scanned.slice(1).flatMap((among) => ('listed' in among ? among.listed : []))
  assert.deepEqual(
    listed,
    Array.from({ length: 300 }, (_, n) => 3 * n),
  )
})

test('a picture that changes between the slices matches only if it meets all conditions at once', async (t) => {
  const { store, change, put, setOf } = await opened(t)
  await put(0, 900)
  const many: Filter = { or: Array.from({ length: 98 }, () => even) }
  const filter: Filter = { and: [{ field: 'label', in: ['third'] }, many] }
  let scans = 0
  const changing: Pick<GalleryStore, 'scan'> = {
    async scan(name, request) {
      const reply = await store.scan(name, request)
      if (scans++ === 0) await change('p3', { label: null, metadata: { even: true } })
      return reply
    },
  }
  const slots = await new FilterSlots(changing).slots(setOf(), filter, true)
  assert.ok(scans > 1)
  assert.deepEqual([...slots].slice(0, 3), [0, 6, 12])
})
