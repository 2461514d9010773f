/**
 * Can the index hold a large gallery? Random vectors are added in batches, as in ingestion, while a client searches:
 * memory, build time, search latency during and after, recall@10 against the exact scan, and the longest time the index
 * thread was unresponsive. Also measures how long it takes to enlarge a full graph and to free it.
 *
 *     npx node dist/bench/million.js [--vectors 1000000] [--dimension 512] [--queries 200]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { percentile } from '../src/cli/percentile.js'
import { HnswGraph } from '../src/engines/embedded/vector-index/hnsw-graph.js'
import { IndexThreads } from '../src/engines/embedded/vector-index/index-threads.js'
import { SlotVectorStore } from '../src/engines/embedded/vector-index/slot-vectors.js'
import { indexDefaults, type SlotVectors } from '../src/engines/embedded/vector-index/vector-index.js'
import { packed, unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '1000000' },
    dimension: { type: 'string', default: '512' },
    queries: { type: 'string', default: '200' },
  },
})
const [count, dimension, queries] = [values.vectors, values.dimension, values.queries].map(Number) as [
  number,
  number,
  number,
]
const k = 10
/** Small, because vectors are generated on the thread that measures the searches. */
const batch = 100
/** Maximum vectors waiting to be linked: with more, scanning them would dominate every search. */
const backlogMax = 2_000

const makeVector = unitVectors({ dimension, seed: 1, clusters: 1_000, latent: 24 })
const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const memoryBefore = process.memoryUsage().rss
const thread = new IndexThreads({
  settings: indexDefaults,
  onFailure: (error) => {
    throw error
  },
})
const { index } = await thread.open({
  dimension,
  nextSlot: 0,
  graphCache: { folder, galleryUid: 'million', modelId: 'bench' },
  vectors: none(),
})

/** Searches every few milliseconds while `building`: their duration shows how long the thread was otherwise busy. */
const duringMs: number[] = []
let building = true
const client = (async () => {
  while (building) {
    duringMs.push((await index.search({ vector: makeVector(), k })).durationMs)
    await sleep(20)
  }
})()

const startedAt = performance.now()
for (let slot = 0; slot < count; slot += batch) {
  await index.add(packed(Array.from({ length: Math.min(batch, count - slot) }, makeVector), slot))
  while (index.reading.pending > backlogMax) {
    await sleep(20)
    await index.refresh()
  }
  if ((slot + batch) % (count / 20) === 0)
    console.error(`${slot + batch} added after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
}
while (index.reading.pending > 0 || index.reading.building) {
  await sleep(50)
  await index.refresh()
}
const buildSeconds = (performance.now() - startedAt) / 1000
building = false
await client
console.error('built; searching')
const memory = process.memoryUsage().rss - memoryBefore

const quietMs: number[] = []
let found = 0
for (let i = 0; i < queries; i++) {
  const vector = makeVector()
  const result = await index.search({ vector, k })
  quietMs.push(result.durationMs)
  const truth = new Set((await index.search({ vector, k, exact: true })).neighbours.map(({ slot }) => slot))
  found += result.neighbours.filter(({ slot }) => truth.has(slot)).length
}
const savedAt = performance.now()
await index.saveGraphCache()
const saveSeconds = (performance.now() - savedAt) / 1000
await thread.close()
await rm(folder, { recursive: true, force: true })

const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`
console.log(
  `${count.toLocaleString('en')} vectors of ${dimension} dimensions, M ${indexDefaults.m}, ef ${indexDefaults.ef}, added in batches of ${batch} while searches run.\n`,
)
console.log(
  table(
    ['', ''],
    [
      [
        'memory',
        `${(memory / 2 ** 20).toFixed(0)} MiB, ${(memory / count).toFixed(0)} bytes per vector (4·d = ${4 * dimension})`,
      ],
      [
        'time until every vector is in the graph',
        `${buildSeconds.toFixed(0)} s, ${(count / buildSeconds).toFixed(0)} per second`,
      ],
      [
        'searches meanwhile',
        `p50 ${ms(percentile(duringMs, 0.5))}, p99 ${ms(percentile(duringMs, 0.99))}, longest ${ms(Math.max(...duringMs))} of ${duringMs.length}`,
      ],
      ['searches afterwards', `p50 ${ms(percentile(quietMs, 0.5))}, p99 ${ms(percentile(quietMs, 0.99))}`],
      [`recall@${k}`, (found / (queries * k)).toFixed(4)],
      ['graph cache', `${saveSeconds.toFixed(1)} s`],
    ],
  ),
)
console.log(`\nGrowing a graph and freeing its memory, both of which block its thread:\n`)
console.log(
  table(
    ['from', 'to', 'takes'],
    growth().map(({ from, to, tookMs }) => [from.toLocaleString('en'), to.toLocaleString('en'), ms(tookMs)]),
  ),
)

async function* none(): AsyncGenerator<SlotVectors> {}

/**
 * The cost of growth depends on the capacity, not on the quality of the links, so a graph with cheap links is filled to
 * its capacity and then grows.
 */
function growth(): { from: number; to: number; tookMs: number }[] {
  const store = new SlotVectorStore(dimension)
  for (let slot = 0; slot < 100; slot++) store.add(slot, makeVector(), 0)
  const graph = new HnswGraph(store, { dimension, m: indexDefaults.m, efConstruction: 1 }, count)
  let grewMs = 0
  for (let slot = 0; slot <= count; slot++) grewMs = timed(() => graph.insert(slot, store.row(slot % 100)))
  return [
    { from: count, to: Math.ceil(count * 1.25), tookMs: grewMs },
    { from: count, to: 0, tookMs: timed(() => graph.release()) },
  ]
}

function timed(work: () => void): number {
  const began = performance.now()
  work()
  return performance.now() - began
}
