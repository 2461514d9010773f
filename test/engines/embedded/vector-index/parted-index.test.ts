/** Several parts against the exact scan: however the slots are spread, the parts answer like a single index. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { cosine } from '../../../../src/cosine.js'
import { IndexThreads, indexPartsWanted } from '../../../../src/engines/embedded/vector-index/index-threads.js'
import { Nearest } from '../../../../src/engines/embedded/vector-index/nearest.js'
import { mergedNeighbours } from '../../../../src/engines/embedded/vector-index/parted-index.js'
import {
  indexDefaults,
  type Neighbour,
  type SlotVectors,
  type VectorIndex,
} from '../../../../src/engines/embedded/vector-index/vector-index.js'
import { temporaryFolder } from '../../../support/temporary-folder.js'
import { packed, seededRandom, unitVectors } from './unit-vectors.js'

const dimension = 32
const count = 3_000
const settings = { ...indexDefaults, efConstruction: 80, exactBelow: 200, tombstoneMinimum: 100 }
const makeVector = unitVectors({ dimension, seed: 21 })
const vectors = Array.from({ length: count }, makeVector)
const queries = Array.from({ length: 12 }, makeVector)
/**
 * Enough candidates for the graph to miss none of the first ten, and few enough for a search of a third to be cheaper
 * than a scan.
 */
const highEf = 80

async function* batches(live: SlotVectors): AsyncGenerator<SlotVectors> {
  for (let first = 0; first < live.slots.length; first += 500) {
    yield {
      slots: live.slots.slice(first, first + 500),
      vectors: live.vectors.slice(first * dimension, (first + 500) * dimension),
    }
  }
}

function openedThreads(t: TestContext, parts: number, more: Partial<typeof settings> = {}): IndexThreads {
  const threads = new IndexThreads({
    settings: { ...settings, ...more, parts },
    onFailure: (error) => assert.fail(error),
  })
  t.after(() => threads.close())
  return threads
}

async function openIn(threads: IndexThreads, folder: string, live = packed(vectors)) {
  const { index, opened } = await threads.open({
    dimension,
    nextSlot: count,
    graphCache: { folder, galleryUid: 'g1', modelId: 'm1' },
    vectors: batches(live),
  })
  return { index, graphCache: opened.graphCache }
}

async function linked(index: VectorIndex): Promise<void> {
  do await index.refresh()
  while (index.reading.pending > 0 || index.reading.building)
}

/** The exact answer, computed without any index. */
function scan(query: Float32Array, k: number, fits: (slot: number) => boolean): Neighbour[] {
  const nearest = new Nearest(k)
  vectors.forEach((vector, slot) => fits(slot) && nearest.offer(slot, cosine(query, vector)))
  return nearest.sorted()
}

async function expectExact(index: VectorIndex, fits: (slot: number) => boolean): Promise<void> {
  for (const vector of queries) {
    const found = await index.search({ vector, k: 10, ef: highEf })
    assert.deepEqual([found.method, found.neighbours], ['hnsw', scan(vector, 10, fits)])
    const exact = await index.search({ vector, k: 60, exact: true })
    assert.deepEqual([exact.method, exact.neighbours], ['exact', scan(vector, 60, fits)])
  }
}

const everySlot = (): boolean => true
const slotsThat = (fits: (slot: number) => boolean): Uint32Array => Uint32Array.from(vectors.keys()).filter(fits)

for (const parts of [1, 2, 3]) {
  test(`${parts} part(s) find what the exact scan finds, before and after the graph is built`, async (t) => {
    const { index } = await openIn(openedThreads(t, parts), await temporaryFolder(t, 'alike-parts-'))
    assert.equal(index.reading.size, count)
    for (const vector of queries)
      assert.deepEqual((await index.search({ vector, k: 10 })).neighbours, scan(vector, 10, everySlot))
    await linked(index)
    assert.deepEqual(
      [index.reading.size, index.reading.tombstones, index.reading.pending, index.reading.rebuilds],
      [count, 0, 0, parts],
    )
    await expectExact(index, everySlot)
  })

  test(`${parts} part(s) respect a filter, even one that allows slots of one part only`, async (t) => {
    const { index } = await openIn(openedThreads(t, parts), await temporaryFolder(t, 'alike-parts-'))
    await linked(index)
    const filters: ((slot: number) => boolean)[] = [
      (slot) => slot % 7 !== 3,
      (slot) => slot % 2 === 1, // everything in one of two parts, and nothing in the other
      (slot) => slot % 6 === 0,
      (slot) => slot % 100 === 42,
      (slot) => slot === 1_111,
      () => false,
    ]
    for (const fits of filters) {
      const allow = slotsThat(fits)
      const shared = new Uint32Array(new SharedArrayBuffer(allow.byteLength))
      shared.set(allow)
      for (const vector of queries.slice(0, 4)) {
        for (const k of [1, 10, 700]) {
          const { neighbours } = await index.search({ vector, k, ef: highEf, allow: shared })
          // deep in a list the graph may miss one
          if (k <= 10) assert.deepEqual(neighbours, scan(vector, k, fits))
          else assert.equal(neighbours.length, Math.min(k, allow.length))
        }
        assert.deepEqual(
          (await index.search({ vector, k: 700, exact: true, allow })).neighbours,
          scan(vector, 700, fits),
        )
      }
      if (allow.length <= settings.exactBelow)
        assert.equal((await index.search({ vector: queries[0]!, k: 5, allow })).method, 'exact')
    }
  })

  test(`${parts} part(s) lose what is removed and find what is added, before and after graphs are rebuilt`, async (t) => {
    const { index } = await openIn(
      openedThreads(t, parts),
      await temporaryFolder(t, 'alike-parts-'),
      packed(vectors.slice(0, 2_000)),
    )
    await linked(index)
    const random = seededRandom(5)
    const gone = new Set(Array.from({ length: 900 }, () => Math.floor(random() * 2_000)))
    const fits = (slot: number): boolean => !gone.has(slot)
    // A picture that is stored again takes a new slot.
    const later = packed(vectors.slice(2_000), 2_000)
    await Promise.all([index.remove(Uint32Array.from(gone)), index.add(later)])
    await index.add(packed(vectors.slice(0, 10)))
    for (const vector of queries)
      assert.deepEqual((await index.search({ vector, k: 10, ef: highEf })).neighbours, scan(vector, 10, fits))
    await linked(index)
    assert.deepEqual([index.reading.size, index.reading.tombstones, index.reading.pending], [count - gone.size, 0, 0])
    assert.equal(index.reading.rebuilds, 2 * parts)
    await expectExact(index, fits)
  })

  test(`with ${parts} part(s), answers of one depth are prefixes of one list`, async (t) => {
    const { index } = await openIn(
      openedThreads(t, parts, { m: 4, efConstruction: 16, ef: 10 }),
      await temporaryFolder(t, 'alike-parts-'),
    )
    await linked(index)
    for (const vector of queries) {
      const whole = (await index.search({ vector, k: 500, depth: 72 })).neighbours
      assert.equal(whole.length, 72)
      for (const k of [1, 18, 40])
        assert.deepEqual((await index.search({ vector, k, depth: 72 })).neighbours, whole.slice(0, k))
    }
  })

  test(`${parts} part(s) compare stored vectors and return the neighbours of stored ones`, async (t) => {
    const { index } = await openIn(openedThreads(t, parts), await temporaryFolder(t, 'alike-parts-'))
    await linked(index)
    await index.remove(Uint32Array.of(6, 7))
    const rows = Uint32Array.of(2_999, 6, 0, 4_000, 11)
    const columns = Uint32Array.of(11, 7, 12, 2_999)
    const gone = (slot: number): boolean => slot === 6 || slot === 7 || slot >= count
    const expected = Array.from(rows).flatMap((row) =>
      Array.from(columns, (column) =>
        gone(row) || gone(column) ? -1 : Math.fround(cosine(vectors[row]!, vectors[column]!)),
      ),
    )
    assert.deepEqual([...(await index.compare(rows, columns))], expected)
    assert.deepEqual([...(await index.compare(Uint32Array.of(7), columns))], [-1, -1, -1, -1])

    const asked = Uint32Array.from({ length: 40 }, (_, i) => i * 3)
    let byGraph = 0
    for (let from = 0; from < asked.length; ) {
      const found = await index.neighbours({ slots: asked.slice(from), k: 5, ef: highEf })
      assert.ok(found.answered > 0)
      for (let i = 0; i < found.answered; i++) {
        const own = asked[from + i]!
        const wanted = gone(own) ? [] : scan(vectors[own]!, 5, (slot) => slot !== own && !gone(slot))
        assert.equal(found.counts[i], wanted.length)
        assert.deepEqual(
          [...found.slots.slice(i * 5, i * 5 + wanted.length)],
          wanted.map(({ slot }) => slot),
        )
      }
      byGraph += found.byGraph
      from += found.answered
    }
    assert.equal(byGraph, 39)
    assert.equal((await index.neighbours({ slots: new Uint32Array(0), k: 1 })).answered, 0)
  })

  test(`${parts} part(s) are loaded from their graph caches, and only a damaged one is rebuilt`, async (t) => {
    const folder = await temporaryFolder(t, 'alike-parts-')
    const threads = openedThreads(t, parts)
    const first = await openIn(threads, folder)
    await linked(first.index)
    assert.equal(await first.index.saveGraphCache(), true)
    await first.index.close()
    assert.equal((await readdir(folder)).length, 2 * parts)

    const second = await openIn(threads, folder)
    assert.deepEqual(
      [second.graphCache, second.index.reading.pending, second.index.reading.rebuilds],
      [{ state: 'used' }, 0, 0],
    )
    await expectExact(second.index, everySlot)
    await second.index.close()

    const graph = (await readdir(folder))
      .filter((name) => name.endsWith('.hnsw'))
      .sort()
      .at(-1)!
    const bytes = await readFile(join(folder, graph))
    bytes.fill(0, 5_000, 9_000)
    await writeFile(join(folder, graph), bytes)
    const third = await openIn(threads, folder)
    assert.equal(third.graphCache.state, 'rejected')
    for (const vector of queries)
      assert.deepEqual(
        (await third.index.search({ vector, k: 10, ef: highEf })).neighbours,
        scan(vector, 10, everySlot),
      )
    await linked(third.index)
    assert.equal(third.index.reading.rebuilds, 1)
    await expectExact(third.index, everySlot)
    await third.index.close({ erase: true })
    assert.deepEqual(await readdir(folder), [])
  })
}

for (const [before, after] of [
  [1, 3],
  [3, 2],
  [2, 1],
] as const) {
  test(`graph caches of ${before} part(s) are not used for ${after}, and that is reported`, async (t) => {
    const folder = await temporaryFolder(t, 'alike-parts-')
    const first = await openIn(openedThreads(t, before), folder)
    await linked(first.index)
    await first.index.saveGraphCache()
    await first.index.close()

    const second = await openIn(openedThreads(t, after), folder)
    assert.equal(second.graphCache.state, 'rejected')
    assert.match(JSON.stringify(second.graphCache), new RegExp(`written for ${before} parts, there are ${after} now`))
    for (const vector of queries)
      assert.deepEqual((await second.index.search({ vector, k: 10 })).neighbours, scan(vector, 10, everySlot))
    await linked(second.index)
    assert.equal(second.index.reading.rebuilds, after)
    await expectExact(second.index, everySlot)
  })
}

test('a search beyond the queue is refused at once, whatever the number of parts', async (t) => {
  const { index } = await openIn(openedThreads(t, 3, { searchQueueMax: 32 }), await temporaryFolder(t, 'alike-parts-'))
  const searches = await Promise.allSettled(
    vectors.slice(0, 40).map((vector) => index.search({ vector, k: 5, exact: true })),
  )
  assert.equal(
    searches.filter((search) => search.status === 'rejected' && search.reason.code === 'overloaded').length,
    8,
  )
})

test('a vector of another dimension is refused with any number of parts', async (t) => {
  const { index } = await openIn(openedThreads(t, 2), await temporaryFolder(t, 'alike-parts-'))
  await assert.rejects(index.search({ vector: new Float32Array(8), k: 1 }), { code: 'dimension_mismatch' })
  await assert.rejects(index.add({ slots: Uint32Array.of(10), vectors: new Float32Array(8) }), {
    code: 'dimension_mismatch',
  })
})

test('lists are merged by score, then slot', () => {
  const list = (...pairs: [score: number, slot: number][]): Neighbour[] =>
    pairs.map(([score, slot]) => ({ score, slot }))
  const lists = [list([1, 4], [0.5, 0], [0.5, 2]), list(), list([1, 1], [0.5, 1])]
  assert.deepEqual(mergedNeighbours(lists, 4), list([1, 1], [1, 4], [0.5, 0], [0.5, 1]))
  assert.deepEqual(mergedNeighbours(lists, 9), list([1, 1], [1, 4], [0.5, 0], [0.5, 1], [0.5, 2]))
  assert.deepEqual(mergedNeighbours([], 3), [])
})

test('two cores get one part, more cores at most eight unless configured otherwise', () => {
  const auto = { indexParts: 'auto' }
  assert.deepEqual(
    [1, 2, 3, 4, 8, 16, 64].map((cores) => indexPartsWanted(auto, cores)),
    [1, 1, 1, 2, 4, 8, 8],
  )
  assert.equal(indexPartsWanted({ indexParts: '3' }, 2), 3)
})
