/**
 * Is a gallery usable when it starts without its graph cache? With all vectors in memory and the graph being rebuilt,
 * measures searches in time windows against the exact scan in the same window, and their recall@10.
 *
 *     npx node dist/bench/cold-index.js [--vectors 200000] [--dimension 527] [--windows 8] [--seconds 10]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { percentile } from '../src/cli/percentile.js'
import { IndexThreads } from '../src/engines/embedded/vector-index/index-threads.js'
import { indexDefaults, type SlotVectors } from '../src/engines/embedded/vector-index/vector-index.js'
import { unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '200000' },
    dimension: { type: 'string', default: '527' },
    windows: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '10' },
  },
})
const [count, dimension, windows, seconds] = [values.vectors, values.dimension, values.windows, values.seconds].map(
  Number,
) as [number, number, number, number]
const k = 10
/** Vectors handed over at once, as at a start. */
const batch = 5_000

const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 64 })
const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const threads = new IndexThreads({
  settings: indexDefaults,
  onFailure: (error) => {
    throw error
  },
})
const { index } = await threads.open({
  dimension,
  nextSlot: 0,
  graphCache: { folder, galleryUid: 'cold', modelId: 'bench' },
  vectors: drawnVectors(),
})

const rows: string[][] = []
for (let window = 0; window < windows && (window === 0 || index.reading.pending > 0); window++) {
  const [searchMs, exactMs]: [number[], number[]] = [[], []]
  let found = 0
  const untilMs = performance.now() + seconds * 1_000
  while (performance.now() < untilMs) {
    const vector = makeVector()
    const result = await index.search({ vector, k })
    const exact = await index.search({ vector, k, exact: true })
    searchMs.push(result.durationMs)
    exactMs.push(exact.durationMs)
    const truth = new Set(exact.neighbours.map(({ slot }) => slot))
    found += result.neighbours.filter(({ slot }) => truth.has(slot)).length / k
  }
  const [p50, exactP50] = [percentile(searchMs, 0.5), percentile(exactMs, 0.5)]
  rows.push([
    `${window * seconds} to ${(window + 1) * seconds} s`,
    String(index.reading.pending),
    p50.toFixed(1),
    percentile(searchMs, 0.99).toFixed(1),
    exactP50.toFixed(1),
    (p50 / exactP50).toFixed(2),
    (found / searchMs.length).toFixed(3),
  ])
}
console.log(`${count} vectors of ${dimension} dimensions, no graph cache; searches alternate with the exact scan\n`)
console.log(table(['', 'waiting', 'p50, ms', 'p99, ms', 'exact scan p50, ms', 'ratio', 'recall@10'], rows))

await index.close()
await threads.close()
await rm(folder, { recursive: true })

async function* drawnVectors(): AsyncGenerator<SlotVectors> {
  for (let first = 0; first < count; first += batch) {
    const size = Math.min(batch, count - first)
    const vectors = new Float32Array(size * dimension)
    for (let i = 0; i < size; i++) vectors.set(makeVector(), i * dimension)
    yield { slots: Uint32Array.from({ length: size }, (_, i) => first + i), vectors }
  }
}
