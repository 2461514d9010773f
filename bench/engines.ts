/**
 * The cost of a gallery in the embedded engine and in a Weaviate server on the same machine: inserts, searches and
 * their recall, filtered searches, memory. `npm run bench:engines -- 50000`, with `WEAVIATE_SERVER` set or
 * `weaviate-server` on the path.
 */
import { availableParallelism, loadavg } from 'node:os'
import { pino } from 'pino'
import { dot } from '../src/cosine.js'
import { openEmbedded } from '../src/engines/embedded/embedded-engine.js'
import { openWeaviate } from '../src/engines/weaviate/weaviate-engine.js'
import { newUid } from '../src/gallery/catalogue.js'
import type { EmbeddingSet, OpenSet } from '../src/gallery/engine.js'
import type { Filter } from '../src/gallery/filter.js'
import { unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { newEntry } from '../test/gallery/new-entry.js'
import { newImage } from '../test/gallery/stored-images.js'
import { folderOfProcess } from '../test/support/temporary-folder.js'
import { skipWithoutWeaviate, startWeaviate } from '../test/support/weaviate-server.js'
import { table } from './report.js'

const count = Number(process.argv[2] ?? 50_000)
const dimension = 527
const model = { id: '00000000000000be', dimension }
const putAtOnce = 48
const queryCount = 300
const k = 10
const recallWanted = 0.99
/** Candidates kept by a search, fewest first. */
const efs = [64, 128, 256, 512]
const tenth: Filter = { field: 'metadata.tenth', in: [0] }
const logger = pino({ level: 'silent' })

interface Opened {
  set: OpenSet
  /** Resolves when everything is in the graph. */
  settled(): Promise<void>
  memory(): Promise<number>
  close(): Promise<void>
}

const newSet = (uid: string): EmbeddingSet => ({ uid, galleryUid: uid, modelId: model.id, dimension, state: 'ready' })

async function embedded(): Promise<Opened> {
  const before = process.memoryUsage().rss
  const engine = await openEmbedded({ dataDir: await folderOfProcess('alike-bench-'), logger })
  const { gallery } = await engine.catalogue.create(newEntry({}, model))
  const set = await engine.open({ ...gallery.set, state: 'ready' })
  return {
    set,
    memory: async () => process.memoryUsage().rss - before,
    close: () => engine.close(),
    async settled() {
      for (;;) {
        await engine.saveGraphCaches()
        const { pending, building } = await set.state()
        if (pending === 0 && !building) return
      }
    },
  }
}

async function weaviate(): Promise<Opened> {
  const server = await startWeaviate()
  const layout = { shards: 1, replicas: 1, quantisation: 'rq8' } as const
  const engine = await openWeaviate({ server: server.settings, layout, logger })
  const set = newSet(newUid())
  await engine.prepare(set, {}, false)
  return {
    set: await engine.open(set),
    settled: async () => {},
    memory: server.memory,
    async close() {
      await engine.close()
      await server.kill()
    },
  }
}

/** Queries, then pictures, always the same. */
const vectorsFromStart = () => unitVectors({ dimension, seed: 1, clusters: 200 })

/**
 * The `k` nearest of each query, compared with every picture. Runs before any engine is open and does not keep the
 * pictures, because memory is measured.
 */
function exactAnswers(): Set<string>[] {
  const makeVector = vectorsFromStart()
  const queries = Array.from({ length: queryCount }, makeVector)
  const best = queries.map((): { id: string; score: number }[] => [])
  for (let i = 0; i < count; i++) {
    const vector = makeVector()
    queries.forEach((query, n) => {
      const nearest = best[n]!
      const score = dot(query, vector, 0)
      if (nearest.length === k && score <= nearest[k - 1]!.score) return
      nearest.push({ id: `p${i}`, score })
      nearest.sort((one, other) => other.score - one.score)
      nearest.length = Math.min(nearest.length, k)
    })
  }
  return best.map((nearest) => new Set(nearest.map(({ id }) => id)))
}

async function measured(opened: Opened, truth: readonly Set<string>[]): Promise<Record<string, number>> {
  const { set, memory, close } = opened
  const makeVector = vectorsFromStart()
  const queries = Array.from({ length: queryCount }, makeVector)
  const perSecond = await filled(opened, makeVector)
  const { ef, recall } = await equalRecall(set, queries, truth)
  const plain = await timesOf(set, queries, { ef })
  const filtered = await timesOf(set, queries, { ef, filter: tenth })
  const bytes = await memory()
  await close()
  return {
    'inserts/s': perSecond,
    [`recall@${k}`]: recall,
    'at ef': ef,
    'search p50, ms': plain[Math.floor(queryCount * 0.5)]!,
    'search p99, ms': plain[Math.floor(queryCount * 0.99)]!,
    'a tenth allowed, p50, ms': filtered[Math.floor(queryCount * 0.5)]!,
    'a tenth allowed, p99, ms': filtered[Math.floor(queryCount * 0.99)]!,
    'memory, MB': bytes / 1e6,
  }
}

/** @returns pictures per second until all of them are in the graph */
async function filled({ set, settled }: Opened, makeVector: () => Float32Array): Promise<number> {
  const began = performance.now()
  for (let begin = 0; begin < count; begin += putAtOnce) {
    const images = Array.from({ length: Math.min(putAtOnce, count - begin) }, (_, i) =>
      newImage(`p${begin + i}`, makeVector(), { modelId: model.id, metadata: { tenth: (begin + i) % 10 } }),
    )
    await set.change(images.map((put) => ({ put })))
  }
  await settled()
  return count / ((performance.now() - began) / 1_000)
}

/** The cheapest search at which both engines are compared: the first with the required recall, or the deepest. */
async function equalRecall(set: OpenSet, queries: readonly Float32Array[], truth: readonly Set<string>[]) {
  let recall = 0
  for (const ef of efs) {
    let found = 0
    for (const [n, vector] of queries.entries())
      found += (await idsOf(set, vector, { ef })).filter((id) => truth[n]!.has(id)).length
    recall = found / (queryCount * k)
    if (recall >= recallWanted || ef === efs.at(-1)) return { ef, recall }
  }
  throw new RangeError('no ef to search with')
}

interface Terms {
  ef: number
  filter?: Filter
}

async function idsOf(set: OpenSet, vector: Float32Array, terms: Terms): Promise<string[]> {
  return (await (await set.nearest({ vector, ...terms })).first(k)).map(({ record }) => record.id)
}

/** Ascending. */
async function timesOf(set: OpenSet, queries: readonly Float32Array[], terms: Terms): Promise<number[]> {
  const times: number[] = []
  for (const vector of queries) {
    const began = performance.now()
    await idsOf(set, vector, terms)
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)
}

if (skipWithoutWeaviate) throw new Error(skipWithoutWeaviate)
const load = () => loadavg()[0]!.toFixed(1)
console.log(`${count} × ${dimension}, ${availableParallelism()} cores, one after the other, load before ${load()}`)
const truth = exactAnswers()
const here = await measured(await embedded(), truth)
const there = await measured(await weaviate(), truth)
const figure = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))
const rows = Object.entries(here).map(([name, value]) => {
  const other = there[name]!
  return [name, figure(value), figure(other), (other / value).toPrecision(2)]
})
console.log(table(['', 'embedded', 'Weaviate, rq8', 'ratio'], rows))
console.log(`load after ${load()}`)
process.exit(0)
