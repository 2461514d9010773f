import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { IndexThreads } from '../../../../src/engines/embedded/vector-index/index-threads.js'
import {
  indexDefaults,
  type SlotVectors,
  type VectorIndex,
} from '../../../../src/engines/embedded/vector-index/vector-index.js'
import { packed, unitVectors } from './unit-vectors.js'

const dimension = 32
const settings = { ...indexDefaults, efConstruction: 60, exactBelow: 200, searchQueueMax: 32 }
const vectors = Array.from({ length: 3_000 }, unitVectors({ dimension, seed: 11 }))

async function* batches(all: Float32Array[]): AsyncGenerator<SlotVectors> {
  for (let first = 0; first < all.length; first += 500) yield packed(all.slice(first, first + 500), first)
}

async function started(t: TestContext): Promise<{ thread: IndexThreads; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-index-'))
  const thread = new IndexThreads({ settings, onFailure: (error) => assert.fail(error) })
  t.after(async () => {
    await thread.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { thread, folder }
}

const openWith = (thread: IndexThreads, folder: string, all: Float32Array[], galleryUid = 'g1') =>
  thread.open({
    dimension,
    nextSlot: all.length,
    graphCache: { folder, galleryUid, modelId: 'm1' },
    vectors: batches(all),
  })

async function linked(index: VectorIndex): Promise<void> {
  do await index.refresh()
  while (index.reading.pending > 0 || index.reading.building)
}

test('vectors are found while the graph is being built, and afterwards', async (t) => {
  const { thread, folder } = await started(t)
  const { index, opened } = await openWith(thread, folder, vectors)
  assert.deepEqual(opened, { graphCache: { state: 'absent' } })
  const before = await index.search({ vector: vectors[1_234]!, k: 3 })
  assert.equal(before.neighbours[0]?.slot, 1_234)
  await linked(index)
  await index.refresh()
  const after = await index.search({ vector: vectors[1_234]!, k: 3 })
  assert.equal(after.method, 'hnsw')
  assert.deepEqual(after.neighbours, before.neighbours)
  assert.ok(after.durationMs > 0)
})

test('a graph cache avoids rebuilding, and vectors added after it are found', async (t) => {
  const { thread, folder } = await started(t)
  const first = await openWith(thread, folder, vectors.slice(0, 2_500))
  await linked(first.index)
  const during = Promise.all([first.index.saveGraphCache(), first.index.search({ vector: vectors[0]!, k: 1 })])
  assert.equal((await during)[0], true)
  await first.index.close()

  const second = await openWith(thread, folder, vectors)
  assert.equal(second.opened.graphCache.state, 'used')
  assert.deepEqual([second.index.reading.size, second.index.reading.rebuilds], [3_000, 0])
  const { neighbours, method } = await second.index.search({ vector: vectors[2_900]!, k: 1 })
  assert.deepEqual([neighbours[0]?.slot, method], [2_900, 'hnsw'])
})

test('a graph cache with different vectors from the truth is not used', async (t) => {
  const { thread, folder } = await started(t)
  const first = await openWith(thread, folder, vectors)
  await linked(first.index)
  await first.index.saveGraphCache()
  await first.index.close()
  const { index, opened } = await openWith(thread, folder, vectors.toReversed())
  assert.equal(opened.graphCache.state, 'rejected')
  const { neighbours } = await index.search({ vector: vectors[0]!, k: 1 })
  assert.equal(neighbours[0]?.slot, 2_999)
})

test('galleries in one thread are isolated, and erasing one leaves the other', async (t) => {
  const { thread, folder } = await started(t)
  const a = (await openWith(thread, folder, vectors.slice(0, 1_000), 'ga')).index
  const b = (await openWith(thread, folder, vectors.slice(1_000, 1_600), 'gb')).index
  assert.deepEqual([a.reading.size, b.reading.size], [1_000, 600])
  await linked(a)
  await linked(b)
  await Promise.all([a.saveGraphCache(), b.saveGraphCache()])
  await a.close({ erase: true })
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('ga')),
    [],
  )
  await assert.rejects(a.search({ vector: vectors[0]!, k: 1 }), { code: 'gallery_not_found' })
  assert.equal((await b.search({ vector: vectors[1_010]!, k: 1 })).neighbours[0]?.slot, 10)
})

test('a search beyond the queue is refused at once, the others are answered', async (t) => {
  const { thread, folder } = await started(t)
  const { index } = await openWith(thread, folder, vectors)
  const searches = await Promise.allSettled(
    vectors.slice(0, 40).map((vector) => index.search({ vector, k: 5, exact: true })),
  )
  const refused = searches.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  assert.equal(refused.length, 8)
  assert.deepEqual(
    { code: refused[0]!.reason.code, after: refused[0]!.reason.retryAfterSeconds },
    { code: 'overloaded', after: 1 },
  )
})

test('a vector of another dimension is refused', async (t) => {
  const { thread, folder } = await started(t)
  const { index } = await openWith(thread, folder, vectors.slice(0, 10))
  await assert.rejects(index.search({ vector: new Float32Array(8), k: 1 }), { code: 'dimension_mismatch' })
  await assert.rejects(index.add({ slots: Uint32Array.of(10), vectors: new Float32Array(8) }), {
    code: 'dimension_mismatch',
  })
})

test('a view of a larger buffer is sent without the rest of it', async (t) => {
  const { thread, folder } = await started(t)
  const { index } = await openWith(thread, folder, vectors.slice(0, 10))
  const block = new Float32Array(1_000 * dimension)
  block.set(vectors[20]!, 10 * dimension)
  const vector = block.subarray(10 * dimension, 11 * dimension)
  await index.add({ slots: Uint32Array.of(10), vectors: vector })
  assert.equal((await index.search({ vector, k: 1 })).neighbours[0]?.slot, 10)
})
