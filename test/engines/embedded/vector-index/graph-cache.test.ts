import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  eraseForeignGraphCaches,
  type GraphCacheKey,
  readGraphCache,
  writeGraphCache,
} from '../../../../src/engines/embedded/vector-index/graph-cache.js'
import { HnswGraph } from '../../../../src/engines/embedded/vector-index/hnsw-graph.js'
import { unitVectors } from './unit-vectors.js'

const dimension = 16
const count = 400

async function savedGraphCache(
  t: TestContext,
): Promise<{ key: GraphCacheKey; graph: HnswGraph; graphPath: string; notePath: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-graph-cache-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const key = { folder, galleryUid: 'g1', part: 0, parts: 1, modelId: 'model', dimension, m: 8, efConstruction: 50 }
  const graph = HnswGraph.empty(key, 100)
  const makeVector = unitVectors({ dimension, seed: 2 })
  for (let slot = 0; slot < count; slot++) graph.insert(slot, makeVector())
  await writeGraphCache(key, graph)
  const name = (await readdir(folder)).find((file) => file.endsWith('.hnsw'))
  return { key, graph, graphPath: join(folder, name!), notePath: join(folder, 'g1.json') }
}

test('a graph cache restores the same graph', async (t) => {
  const { key, graph } = await savedGraphCache(t)
  const read = await readGraphCache(key, count)
  assert.equal(read.state, 'used')
  if (read.state !== 'used') return
  assert.deepEqual([read.graph.count, read.graph.nextSlot], [count, count])
  const query = graph.vector(17)
  assert.deepEqual(read.graph.candidates(query, 50), graph.candidates(query, 50))
  // It can continue to grow.
  const makeVector = unitVectors({ dimension, seed: 3 })
  for (let slot = count; slot < 2 * count; slot++) read.graph.insert(slot, makeVector())
  assert.equal(read.graph.candidates(makeVector(), 2 * count).slots.length, 2 * count)
})

test('writing again replaces the previous graph cache and leaves no files behind', async (t) => {
  const { key, graph } = await savedGraphCache(t)
  graph.insert(count, unitVectors({ dimension, seed: 3 })())
  await writeGraphCache(key, graph)
  assert.equal((await readdir(key.folder)).length, 2)
  const read = await readGraphCache(key, count + 1)
  assert.equal(read.state === 'used' && read.graph.count, count + 1)
})

test('a flipped byte anywhere in the graph file or the note rejects the graph cache', async (t) => {
  const { key, graphPath, notePath } = await savedGraphCache(t)
  const [graphBytes, noteBytes] = [await readFile(graphPath), await readFile(notePath)]
  const nodeBytes = 8 * 2 * 4 + 4 + dimension * 4 + 8
  const places: [path: string, bytes: Buffer, offset: number][] = [
    ...[0, 9, 17, 25, 33, 41, 48, 52, 57, 65, 73, 81, 89].map((offset) => [graphPath, graphBytes, offset] as const), // header
    ...[96, 98, 101, 96 + 70, 96 + nodeBytes - 5, 96 + 200 * nodeBytes].map(
      (offset) => [graphPath, graphBytes, offset] as const,
    ),
    ...[96 + count * nodeBytes, graphBytes.length - 3].map((offset) => [graphPath, graphBytes, offset] as const), // upper links
    ...Array.from({ length: 12 }, (_, i) => [notePath, noteBytes, Math.floor((i * noteBytes.length) / 12)] as const),
  ].map(([path, bytes, offset]) => [path, bytes, offset])
  for (const [path, bytes, offset] of places) {
    await writeFile(graphPath, graphBytes)
    await writeFile(notePath, noteBytes)
    const damaged = Buffer.from(bytes)
    damaged[offset]! ^= 0x10
    await writeFile(path, damaged)
    const read = await readGraphCache(key, count)
    assert.equal(read.state, 'rejected', `byte ${offset} of ${path}`)
    assert.deepEqual(await readdir(key.folder), [], 'a rejected graph cache is deleted')
  }
})

const damages: [
  name: string,
  damage: (paths: { graphPath: string; notePath: string }) => Promise<void>,
  state: string,
][] = [
  ['a graph cut in the middle', ({ graphPath }) => truncate(graphPath, 20_000), 'rejected'],
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
    assert.equal((await readGraphCache(key, count)).state, state)
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
    assert.equal((await readGraphCache({ ...key, ...change }, nextSlot)).state, 'rejected')
  })
}

test('graph caches of removed galleries are deleted', async (t) => {
  const { key } = await savedGraphCache(t)
  await eraseForeignGraphCaches(key.folder, ['g1'], 1)
  assert.equal((await readdir(key.folder)).length, 2)
  await eraseForeignGraphCaches(key.folder, ['g2'], 1)
  assert.deepEqual(await readdir(key.folder), [])
})
