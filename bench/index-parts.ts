/**
 * What are the benefits and costs of splitting a graph into parts? The same vectors in one part and in several,
 * alternating: vectors linked per second, recall@10 at equal `ef`, latency of a single search, searches per second
 * of several clients, and the main thread's time for each.
 *
 *     npx node dist/bench/index-parts.js [--parts 2] [--vectors 20000] [--dimension 512] [--rounds 2] [--queries 200]
 *         [--clients 8] [--json]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { percentile } from '../src/cli/percentile.js'
import { IndexThreads } from '../src/engines/embedded/vector-index/index-threads.js'
import { indexDefaults, type VectorIndex } from '../src/engines/embedded/vector-index/vector-index.js'
import { packed, unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: '2' },
    vectors: { type: 'string', default: '20000' },
    dimension: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '2' },
    queries: { type: 'string', default: '200' },
    clients: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
  },
})
const [several, count, dimension, rounds, queries, clients] = [
  values.parts,
  values.vectors,
  values.dimension,
  values.rounds,
  values.queries,
  values.clients,
].map(Number) as [number, number, number, number, number, number]
const k = 10
const efs = [16, 32, 64, 128]
/** What the service asks for a page of ten hits. */
const asForAPage = { k: 18, depth: 72 }

const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
const stored = Array.from({ length: count }, makeVector)
const asked = Array.from({ length: queries }, makeVector)
const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))

interface Side {
  parts: number
  threads: IndexThreads
  index?: VectorIndex
  linkedASecond: number[]
  loneMs: number[]
  clientsASecond: number[]
  /** CPU time of the main thread per search of these clients. */
  mainThreadMs: number[]
}
const sides: Side[] = [1, several].map((parts) => ({
  parts,
  threads: new IndexThreads({
    settings: { ...indexDefaults, parts },
    onFailure: (error) => {
      throw error
    },
  }),
  linkedASecond: [],
  loneMs: [],
  clientsASecond: [],
  mainThreadMs: [],
}))

/** Opens an index and waits until every vector is in its graph. */
async function build(side: Side): Promise<void> {
  await side.index?.close()
  async function* all() {
    for (let first = 0; first < count; first += 1_000) yield packed(stored.slice(first, first + 1_000), first)
  }
  const { index } = await side.threads.open({
    dimension,
    nextSlot: count,
    graphCache: { folder, galleryUid: `parts${side.parts}`, modelId: 'bench' },
    vectors: all(),
  })
  const startedAt = performance.now()
  while (index.reading.building || index.reading.pending > 0) {
    await sleep(20)
    await index.refresh()
  }
  side.index = index
  side.linkedASecond.push((count / (performance.now() - startedAt)) * 1_000)
}

async function searchesOfClients(index: VectorIndex): Promise<{ aSecond: number; mainThreadMs: number }> {
  const startedAt = performance.now()
  const before = process.threadCpuUsage()
  let next = 0
  const client = async () => {
    while (next < queries) await index.search({ vector: asked[next++]!, ...asForAPage })
  }
  await Promise.all(Array.from({ length: clients }, client))
  const { user, system } = process.threadCpuUsage(before)
  return {
    aSecond: (queries / (performance.now() - startedAt)) * 1_000,
    mainThreadMs: (user + system) / 1_000 / queries,
  }
}

for (let round = 0; round < rounds; round++)
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) await build(side)

const truth: ReadonlySet<number>[] = []
for (const vector of asked)
  truth.push(new Set((await sides[0]!.index!.search({ vector, k, exact: true })).neighbours.map(({ slot }) => slot)))
const recall = async (index: VectorIndex, ef: number): Promise<number> => {
  let found = 0
  for (const [i, vector] of asked.entries())
    found += (await index.search({ vector, k, ef })).neighbours.filter(({ slot }) => truth[i]!.has(slot)).length
  return found / (queries * k)
}
const recalls: { ef: number; one: number; several: number }[] = []
for (const ef of efs)
  recalls.push({ ef, one: await recall(sides[0]!.index!, ef), several: await recall(sides[1]!.index!, ef) })

for (const [i, vector] of [...asked, ...asked].entries()) {
  for (const { index, loneMs } of i % 2 === 0 ? sides : sides.toReversed())
    loneMs.push((await index!.search({ vector, k })).durationMs)
}
for (let round = -1; round < 6; round++) {
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
    const { aSecond, mainThreadMs } = await searchesOfClients(side.index!)
    if (round < 0) continue
    side.clientsASecond.push(aSecond)
    side.mainThreadMs.push(mainThreadMs)
  }
}
for (const { threads } of sides) await threads.close()
await rm(folder, { recursive: true, force: true })

const results = sides.map(({ parts, linkedASecond, loneMs, clientsASecond, mainThreadMs }) => ({
  parts,
  linkedASecond: percentile(linkedASecond, 0.5),
  loneMs: { p50: percentile(loneMs, 0.5), p99: percentile(loneMs, 0.99) },
  searchesASecond: percentile(clientsASecond, 0.5),
  mainThreadMs: percentile(mainThreadMs, 0.5),
}))
const [one, more] = results as [(typeof results)[number], (typeof results)[number]]
const ratios = {
  linked: more.linkedASecond / one.linkedASecond,
  loneP50: more.loneMs.p50 / one.loneMs.p50,
  searches: more.searchesASecond / one.searchesASecond,
  mainThread: more.mainThreadMs / one.mainThreadMs,
}
if (values.json) {
  console.log(
    JSON.stringify(
      { vectors: count, dimension, cores: availableParallelism(), clients, results, ratios, recalls },
      null,
      2,
    ),
  )
} else {
  console.log(
    `${count.toLocaleString('en')} vectors of ${dimension} dimensions, ${availableParallelism()} cores, k ${k}; medians.\n`,
  )
  console.log(
    table(
      ['', '1 part', `${several} parts`, 'ratio'],
      [
        ['linked per second', one.linkedASecond.toFixed(0), more.linkedASecond.toFixed(0), ratios.linked.toFixed(2)],
        [
          'a single search, p50',
          `${one.loneMs.p50.toFixed(2)} ms`,
          `${more.loneMs.p50.toFixed(2)} ms`,
          ratios.loneP50.toFixed(2),
        ],
        [
          'a single search, p99',
          `${one.loneMs.p99.toFixed(2)} ms`,
          `${more.loneMs.p99.toFixed(2)} ms`,
          (more.loneMs.p99 / one.loneMs.p99).toFixed(2),
        ],
        [
          `searches per second, ${clients} clients`,
          one.searchesASecond.toFixed(0),
          more.searchesASecond.toFixed(0),
          ratios.searches.toFixed(2),
        ],
        [
          'main thread per search',
          `${one.mainThreadMs.toFixed(3)} ms`,
          `${more.mainThreadMs.toFixed(3)} ms`,
          ratios.mainThread.toFixed(2),
        ],
        ...recalls.map((at): [string, string, string, string] => [
          `recall@${k}, ef ${at.ef}`,
          at.one.toFixed(4),
          at.several.toFixed(4),
          '',
        ]),
      ],
    ),
  )
}
