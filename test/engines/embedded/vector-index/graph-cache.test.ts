import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  eraseForeignGraphCaches,
  type GraphCacheKey,
  type GraphCacheRead,
  readGraphCache,
  writeGraphCache,
} from '../../../../src/engines/embedded/vector-index/graph-cache.js'
import { type Candidates, HnswGraph } from '../../../../src/engines/embedded/vector-index/hnsw-graph.js'
import { SlotVectorStore } from '../../../../src/engines/embedded/vector-index/slot-vectors.js'
import { unitVectors } from './unit-vectors.js'

const dimension = 16
const count = 400

const shape = { dimension, m: 8, efConstruction: 50 }

/** Slots 0 to count − 1 with the vectors of a seed. */
function filledStore(seed = 2): SlotVectorStore {
  const store = new SlotVectorStore(dimension)
  const makeVector = unitVectors({ dimension, seed })
  for (let slot = 0; slot < count; slot++) store.add(slot, makeVector(), 0)
  return store
}

async function savedGraphCache(
  t: TestContext,
): Promise<{ key: GraphCacheKey; store: SlotVectorStore; graph: HnswGraph; graphPath: string; notePath: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-graph-cache-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const key = { folder, galleryUid: 'g1', part: 0, parts: 1, modelId: 'model', ...shape }
  const store = filledStore()
  const graph = new HnswGraph(store, key, 100)
  for (let slot = 0; slot < count; slot++) graph.insert(slot, store.row(slot))
  await writeGraphCache(key, graph)
  const name = (await readdir(folder)).find((file) => file.endsWith('.hnsw'))
  return { key, store, graph, graphPath: join(folder, name!), notePath: join(folder, 'g1.json') }
}

/** Reads a cache for the vectors of a store. */
const readFor = (key: GraphCacheKey, nextSlot: number, store = filledStore()): Promise<GraphCacheRead> =>
  readGraphCache(key, { nextSlot, newGraph: (capacity) => new HnswGraph(store, shape, capacity) })

/** The graph of a cache that is used, with the vectors of the live slots of a store. */
async function reopened(key: GraphCacheKey, store: SlotVectorStore): Promise<HnswGraph> {
  const read = await readFor(key, count, store)
  assert.equal(read.state, 'used')
  const { graph } = read as { graph: HnswGraph }
  for (let slot = 0; slot < count; slot++) if (store.has(slot)) assert.ok(graph.attach(slot, store.row(slot)))
  graph.settle()
  return graph
}

test('a graph cache restores the same graph', async (t) => {
  const { key, store, graph } = await savedGraphCache(t)
  const read = await reopened(key, filledStore())
  assert.deepEqual([read.count, read.nextSlot], [count, count])
  const query = store.vector(17)
  const copyOf = ({ slots, scores }: Candidates) => [[...slots], [...scores]]
  assert.deepEqual(copyOf(read.candidates(query, 50)), copyOf(graph.candidates(query, 50)))
})

test('a restored graph continues to grow, and is written as it was read', async (t) => {
  const { key, graphPath } = await savedGraphCache(t)
  const [store, bytes] = [filledStore(), await readFile(graphPath)]
  const graph = await reopened(key, store)
  await writeGraphCache(key, graph)
  const name = (await readdir(key.folder)).find((file) => file.endsWith('.hnsw'))!
  assert.deepEqual(await readFile(join(key.folder, name)), bytes)
  const makeVector = unitVectors({ dimension, seed: 3 })
  for (let slot = count; slot < 2 * count; slot++) {
    store.add(slot, makeVector(), 0)
    graph.insert(slot, store.row(slot))
  }
  assert.equal(graph.candidates(makeVector(), 2 * count).slots.length, 2 * count)
})

test('nodes whose vectors are gone still lead to all others', async (t) => {
  const { key } = await savedGraphCache(t)
  const store = filledStore()
  for (let slot = 0; slot < count; slot += 3) store.remove(slot, false)
  const graph = await reopened(key, store)
  const query = unitVectors({ dimension, seed: 2 })()
  const { slots } = graph.candidates(query, count)
  assert.equal(new Set(slots).size, count)
})

test('a vector other than the one that was linked is noticed, each one', async (t) => {
  const { key } = await savedGraphCache(t)
  const store = new SlotVectorStore(dimension)
  const makeVector = unitVectors({ dimension, seed: 2 })
  for (let slot = 0; slot < count; slot++) {
    const vector = makeVector()
    if (slot === 123) vector[5]! *= 1 + 2 ** -23
    store.add(slot, vector, 0)
  }
  const { graph } = (await readFor(key, count, store)) as { graph: HnswGraph }
  const misfits = Array.from({ length: count }, (_, slot) => slot).filter(
    (slot) => !graph.attach(slot, store.row(slot)),
  )
  assert.deepEqual(misfits, [123])
})

test('a cache of the format before this one is rejected and deleted', async (t) => {
  const { key, notePath } = await savedGraphCache(t)
  const { noteSha256: _, ...facts } = JSON.parse(await readFile(notePath, 'utf8'))
  const old = { ...facts, formatVersion: 2 }
  const noteSha256 = createHash('sha256')
    .update(JSON.stringify(Object.entries(old).sort()))
    .digest('hex')
  await writeFile(notePath, JSON.stringify({ ...old, noteSha256 }))
  assert.deepEqual(await readFor(key, count), {
    state: 'rejected',
    reason: 'it was written by another version of this service',
  })
  assert.deepEqual(await readdir(key.folder), [])
})

test('writing again replaces the previous graph cache and leaves no files behind', async (t) => {
  const { key, store, graph } = await savedGraphCache(t)
  store.add(count, unitVectors({ dimension, seed: 3 })(), 0)
  graph.insert(count, store.row(count))
  await writeGraphCache(key, graph)
  assert.equal((await readdir(key.folder)).length, 2)
  const read = await readFor(key, count + 1)
  assert.equal(read.state === 'used' && read.graph.count, count + 1)
})

test('a flipped byte anywhere in the graph file or the note rejects the graph cache', async (t) => {
  const { key, graphPath, notePath } = await savedGraphCache(t)
  const [graphBytes, noteBytes] = [await readFile(graphPath), await readFile(notePath)]
  const places: [path: string, bytes: Buffer, offset: number][] = [
    ...Array.from({ length: 80 }, (_, i) => [graphPath, graphBytes, i < 24 ? i : i * 37] as const),
    ...[graphBytes.length - 5, graphBytes.length - 1].map((offset) => [graphPath, graphBytes, offset] as const),
    ...Array.from({ length: 12 }, (_, i) => [notePath, noteBytes, Math.floor((i * noteBytes.length) / 12)] as const),
  ].map(([path, bytes, offset]) => [path, bytes, offset])
  for (const [path, bytes, offset] of places) {
    await writeFile(graphPath, graphBytes)
    await writeFile(notePath, noteBytes)
    const damaged = Buffer.from(bytes)
    damaged[offset]! ^= 0x10
    await writeFile(path, damaged)
    const read = await readFor(key, count)
    assert.equal(read.state, 'rejected', `byte ${offset} of ${path}`)
    assert.deepEqual(await readdir(key.folder), [], 'a rejected graph cache is deleted')
  }
})

const damages: [
  name: string,
  damage: (paths: { graphPath: string; notePath: string }) => Promise<void>,
  state: string,
][] = [
  ['a graph cut in the middle', ({ graphPath }) => truncate(graphPath, 10_000), 'rejected'],
  [
    'a graph cut by one byte',
    async ({ graphPath }) => truncate(graphPath, (await readFile(graphPath)).length - 1),
    'rejected',
  ],
  ['an empty graph', ({ graphPath }) => truncate(graphPath, 0), 'rejected'],
  [
    'a graph longer by a byte',
    async ({ graphPath }) => writeFile(graphPath, Buffer.concat([await readFile(graphPath), Buffer.of(0)])),
    'rejected',
  ],
  ['a missing graph', ({ graphPath }) => rm(graphPath), 'rejected'],
  ['an empty note', ({ notePath }) => truncate(notePath, 0), 'rejected'],
  ['a note that is no JSON', ({ notePath }) => writeFile(notePath, 'no'), 'rejected'],
  ['a missing note', ({ notePath }) => rm(notePath), 'absent'],
  ['a note left under its temporary name', ({ notePath }) => rename(notePath, `${notePath}.tmp`), 'absent'],
]
for (const [name, damage, state] of damages) {
  test(`${name} is not used, and is deleted`, async (t) => {
    const { key, graphPath, notePath } = await savedGraphCache(t)
    await damage({ graphPath, notePath })
    assert.equal((await readFor(key, count)).state, state)
    assert.deepEqual(await readdir(key.folder), [])
  })
}

for (const [name, change, nextSlot] of [
  ['another model', { modelId: 'other' }, count],
  ['another dimension', { dimension: 32 }, count],
  ['other settings of the graph', { m: 16 }, count],
  ['a database that is behind it', {}, count - 1],
] as const) {
  test(`a graph cache is not used for ${name}`, async (t) => {
    const { key } = await savedGraphCache(t)
    assert.equal((await readFor({ ...key, ...change }, nextSlot)).state, 'rejected')
  })
}

test('graph caches of removed galleries are deleted', async (t) => {
  const { key } = await savedGraphCache(t)
  await eraseForeignGraphCaches(key.folder, ['g1'], 1)
  assert.equal((await readdir(key.folder)).length, 2)
  await eraseForeignGraphCaches(key.folder, ['g2'], 1)
  assert.deepEqual(await readdir(key.folder), [])
})
