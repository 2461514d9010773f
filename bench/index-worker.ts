/**
 * What do the thread, the exact scores and the pending vectors cost a search? Eight clients query the index thread
 * continuously, alternating with direct calls to a graph in one thread with the same vectors and `ef`.
 *
 *     npx node dist/bench/index-worker.js [--vectors 20000] [--dimension 512] [--clients 8] [--rounds 9] [--seconds 2]
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
import { indexDefaults } from '../src/engines/embedded/vector-index/vector-index.js'
import { packed, unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '20000' },
    dimension: { type: 'string', default: '512' },
    clients: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '2' },
  },
})
const [count, dimension, clients, rounds, seconds] = [
  values.vectors,
  values.dimension,
  values.clients,
  values.rounds,
  values.seconds,
].map(Number) as [number, number, number, number, number]
const k = 10
const { m, efConstruction, ef } = indexDefaults

const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
const stored = Array.from({ length: count }, makeVector)
const queries = Array.from({ length: 1_000 }, makeVector)

const store = new SlotVectorStore(dimension)
const direct = new HnswGraph(store, { dimension, m, efConstruction }, count)
stored.forEach((vector, slot) => {
  store.add(slot, vector, 0)
  direct.insert(slot, store.row(slot))
})

const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const thread = new IndexThreads({
  settings: indexDefaults,
  onFailure: (error) => {
    throw error
  },
})
async function* all() {
  yield packed(stored)
}
const { index } = await thread.open({
  dimension,
  nextSlot: count,
  graphCache: { folder, galleryUid: 'bench', modelId: 'bench' },
  vectors: all(),
})
while (index.reading.building || index.reading.pending > 0) {
  await sleep(200)
  await index.refresh()
}

/** Queries per second of eight clients through the index thread. */
async function throughThread(): Promise<number> {
  let done = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - started < seconds * 1000)
        await index.search({ vector: queries[done++ % queries.length]!, k })
    }),
  )
  return (done / (performance.now() - started)) * 1000
}

/** Queries per second of the graph alone. */
function alone(): number {
  let done = 0
  const started = performance.now()
  while (performance.now() - started < seconds * 1000) direct.candidates(queries[done++ % queries.length]!, ef, k)
  return (done / (performance.now() - started)) * 1000
}

const results: { thread: number; alone: number }[] = []
for (let round = -1; round < rounds; round++) {
  const result =
    round % 2 === 0
      ? { thread: await throughThread(), alone: alone() }
      : { alone: alone(), thread: await throughThread() }
  if (round >= 0) results.push(result) // the first round warms caches and compilers
}
await thread.close()
await rm(folder, { recursive: true, force: true })

const median = (of: (result: (typeof results)[number]) => number) => percentile(results.map(of), 0.5)
console.log(
  `${count.toLocaleString('en')} vectors of ${dimension} dimensions, M ${m}, ef ${ef}, k ${k}; medians of ${rounds} rounds of ${seconds} s.\n`,
)
console.log(
  table(
    ['search', 'queries/s', 'ratio'],
    [
      ['the graph alone, one thread', median((result) => result.alone).toFixed(0), '1.00'],
      [
        `index thread, ${clients} clients, exact scores`,
        median((result) => result.thread).toFixed(0),
        median((result) => result.thread / result.alone).toFixed(2),
      ],
    ],
  ),
)
