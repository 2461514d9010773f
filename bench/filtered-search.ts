/**
 * Do filters and deletions cost recall or time? One gallery, with filters that pass fewer and fewer of its pictures:
 * recall@10 against the exact search with the same filter, and p95 relative to the unfiltered search, alternating query
 * by query. Then half of the gallery is deleted. Filters are warm: the first search with a filter reads every record,
 * once until a picture is changed or removed.
 *
 *     npx node dist/bench/filtered-search.js [--vectors 50000] [--dimension 128] [--queries 300] [--k 10]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { percentile } from '../src/cli/percentile.js'
import type { Filter } from '../src/gallery/filter.js'
import type { Galleries } from '../src/gallery/galleries.js'
import type { NewImage } from '../src/gallery/records.js'
import { engineOf, openEmbeddedGalleries } from '../test/engines/embedded/embedded-galleries.js'
import { seededRandom, unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { putImages, removeImages } from '../test/gallery/stored-images.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '50000' },
    dimension: { type: 'string', default: '512' },
    queries: { type: 'string', default: '300' },
    k: { type: 'string', default: '10' },
  },
})
const [count, dimension, queries, k] = [values.vectors, values.dimension, values.queries, values.k].map(Number) as [
  number,
  number,
  number,
  number,
]
const shares = [0.5, 0.1, 0.01, 0.001]
const modelId = '00000000000000aa'

const random = seededRandom(2)
const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
const dataDir = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const galleries = await openEmbeddedGalleries({
  dataDir,
  model: { id: modelId, dimension },
  logger: pino({ level: 'silent' }),
})
try {
  await fill(galleries)
  await linked(galleries)
  console.log(
    `${count.toLocaleString('en')} vectors of ${dimension} dimensions, ${queries} queries.\n\n${await measure()}`,
  )
  const deleted = await deleteHalf()
  console.log(
    `\nHalf of them deleted (${deleted.size.toLocaleString('en')}), before the graph is rebuilt:\n\n${await measure(deleted)}`,
  )
  await linked(galleries)
  console.log(`\nThe same after the rebuild:\n\n${await measure(deleted)}`)
} finally {
  await galleries.close()
  await rm(dataDir, { recursive: true, force: true })
}

interface Way {
  name: string
  filter?: Filter
  /** Milliseconds of each query. */
  ms: number[]
  found: number
  wanted: number
  short: number
  methods: Set<string>
}

async function measure(deleted: ReadonlySet<string> = new Set()): Promise<string> {
  const ways = [
    newWay('no filter'),
    ...shares.map((share) => newWay(`${share * 100} %`, { field: 'metadata.lot', range: { lt: share * 1_000 } })),
  ]
  for (let i = -20; i < queries; i++) {
    const vector = makeVector()
    // in random order, because a scan leaves cold caches to its successor
    for (const way of ways.toSorted(() => random() - 0.5)) {
      const { truth, ids, ms, method } = await searchBothWays(vector, way.filter)
      if (ids.some((id) => deleted.has(id))) throw new Error('a deleted picture was found')
      if (i < 0) continue // warm-up
      way.ms.push(ms)
      way.found += ids.filter((id) => truth.has(id)).length
      way.wanted += truth.size
      way.short += Number(ids.length < truth.size)
      way.methods.add(method)
    }
  }
  return reportOf(ways)
}

function newWay(name: string, filter?: Filter): Way {
  return { name, ...(filter && { filter }), ms: [], found: 0, wanted: 0, short: 0, methods: new Set() }
}

async function searchBothWays(vector: Float32Array, filter: Filter | undefined) {
  const search = { vector, k, ...(filter && { filter }) }
  const exact = await galleries.searches.search('bench', { ...search, exact: true })
  const began = performance.now()
  const { hits, method } = await galleries.searches.search('bench', search)
  const ms = performance.now() - began
  const truth = new Set(exact.hits.map(({ record }) => record.id))
  return { truth, ids: hits.map(({ record }) => record.id), ms, method }
}

function reportOf(ways: readonly Way[]): string {
  const reference = percentile(ways[0]!.ms, 0.95)
  const rows = ways.map(({ name, ms, found, wanted, short, methods }) => [
    name,
    [...methods].join(', '),
    (found / wanted).toFixed(4),
    String(short),
    percentile(ms, 0.5).toFixed(2),
    percentile(ms, 0.95).toFixed(2),
    `${(percentile(ms, 0.95) / reference).toFixed(2)} ×`,
  ])
  const latencies = ['p50, ms', 'p95, ms', 'p95 relative to no filter']
  return table(['filter passes', 'method', `recall@${k}`, 'answers with too few hits', ...latencies], rows)
}

async function fill(target: Galleries): Promise<void> {
  await target.create('bench')
  for (let first = 0; first < count; first += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, count - first) }, (_, i) => image(String(first + i)))
    await putImages(target.images, 'bench', batch)
  }
}

function image(id: string): NewImage {
  const lot = Math.floor(random() * 1_000)
  return {
    id,
    label: null,
    metadata: { lot },
    contentHash: id,
    modelId,
    vector: makeVector(),
    width: 640,
    height: 480,
    format: 'jpeg',
    bytes: 1,
  }
}

async function deleteHalf(): Promise<Set<string>> {
  const doomed = Array.from({ length: count }, (_, i) => String(i)).filter(() => random() < 0.5)
  for (let first = 0; first < doomed.length; first += 1_000)
    await removeImages(galleries.images, 'bench', doomed.slice(first, first + 1_000))
  return new Set(doomed)
}

async function linked(target: Galleries): Promise<void> {
  do await engineOf(target).saveGraphCaches()
  while ((await target.readings.all()).some(({ pending, building }) => pending > 0 || building))
}
