/**
 * How much does the graph find, and how much faster? Recall@10 of HNSW against the exact scan of the same vectors at
 * each `ef`, and queries per second relative to that scan (medians), alternating query by query. Vectors are random:
 * clusters in few directions, similar to picture embeddings.
 *
 *     npx node dist/bench/hnsw-recall.js [--vectors 10000] [--dimension 128] [--queries 200] [--deleted 0]
 */
import { parseArgs } from 'node:util'
import { percentile } from '../src/cli/percentile.js'
import { SlotIndex } from '../src/engines/embedded/vector-index/slot-index.js'
import { indexDefaults } from '../src/engines/embedded/vector-index/vector-index.js'
import { packed, seededRandom, unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '10000' },
    dimension: { type: 'string', default: '512' },
    queries: { type: 'string', default: '200' },
    /** Share of the vectors deleted after the graph was built; they stay in it as tombstones. */
    deleted: { type: 'string', default: '0' },
  },
})
const [count, dimension, queries, deleted] = [values.vectors, values.dimension, values.queries, values.deleted].map(
  Number,
) as [number, number, number, number]
const k = 10
const efs = [10, 16, 24, 32, 48, 64, 100, 200, 400]

const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
const { slots, vectors } = packed(Array.from({ length: count }, makeVector))
// No rebuild, so that the requested tombstones are measured.
const index = new SlotIndex(dimension, { ...indexDefaults, exactBelow: 0, tombstoneMinimum: Infinity })
index.add(slots, vectors)
const startedAt = performance.now()
index.work(Infinity)
const buildMs = performance.now() - startedAt
const random = seededRandom(2)
index.remove(slots.filter(() => random() < deleted))

interface Way {
  name: string
  ef?: number
  /** Milliseconds of each query. */
  ms: number[]
  found: number
  /** Queries answered by a scan after all, because it is cheaper at this `ef`. */
  scanned: number
}
const exact: Way = { name: 'exact scan', ms: [], found: 0, scanned: 0 }
const ways: Way[] = [exact, ...efs.map((ef) => ({ name: `HNSW, ef ${ef}`, ef, ms: [], found: 0, scanned: 0 }))]

for (let i = -20; i < queries; i++) {
  const vector = makeVector()
  const truth = new Set(index.search({ vector, k, exact: true }).neighbours.map(({ slot }) => slot))
  // In random order, because the scan leaves cold caches to its successor.
  for (const way of ways.toSorted(() => random() - 0.5)) {
    const began = performance.now()
    const { neighbours, method } = index.search({
      vector,
      k,
      ...(way.ef === undefined ? { exact: true } : { ef: way.ef }),
    })
    const ms = performance.now() - began
    if (i < 0) continue // warm-up
    way.ms.push(ms)
    way.found += neighbours.filter(({ slot }) => truth.has(slot)).length
    way.scanned += Number(method === 'exact')
  }
}

const { m, efConstruction } = indexDefaults
console.log(
  `${count.toLocaleString('en')} vectors of ${dimension} dimensions, M ${m}, efConstruction ${efConstruction}, ${deleted * 100} % deleted; ` +
    `${queries} queries. The graph was built in ${(buildMs / 1000).toFixed(1)} s, the exact scan takes ${percentile(exact.ms, 0.5).toFixed(2)} ms per query.\n`,
)
const rows = ways.map(({ name, ef, ms, found, scanned }) => [
  ef !== undefined && scanned > queries / 2 ? `${name} (scanned: cheaper)` : name,
  (found / (queries * k)).toFixed(4),
  `${(percentile(exact.ms, 0.5) / percentile(ms, 0.5)).toFixed(1)} ×`,
])
console.log(table(['search', `recall@${k}`, 'queries/s relative to the exact scan'], rows))
