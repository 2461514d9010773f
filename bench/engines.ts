/**
 * What a gallery costs in the embedded engine and in a Weaviate server on the same machine: inserts, searches at their recall, filtered
 * searches, memory. `npm run bench:engines -- 50000`, with `WEAVIATE_SERVER` or `weaviate-server` on the path.
 */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { pino } from 'pino'
import { openEmbedded } from '../src/engines/embedded/embedded-engine.js'
import { openWeaviate } from '../src/engines/weaviate/weaviate-engine.js'
import type { EmbeddingSet, OpenSet } from '../src/gallery/engine.js'
import type { Filter } from '../src/gallery/filter.js'
import { unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { newImage } from '../test/gallery/stored-images.js'
import { folderOfProcess } from '../test/support/temporary-folder.js'
import { skipWithoutWeaviate, startWeaviate } from '../test/support/weaviate-server.js'

const count = Number(process.argv[2] ?? 50_000)
const dimension = 527
const model = { id: '00000000000000be', dimension }
const putAtOnce = 48
const queryCount = 60
const k = 10
const tenth: Filter = { field: 'metadata.tenth', in: [0] }
const logger = pino({ level: 'silent' })

interface Opened {
  set: OpenSet
  /** Everything is in the graph. */
  settled(): Promise<void>
  memory(): Promise<number>
  close(): Promise<void>
}

const newSet = (uid: string): EmbeddingSet => ({ uid, galleryUid: uid, modelId: model.id, dimension, state: 'ready' })

async function embedded(): Promise<Opened> {
  const before = process.memoryUsage().rss
  const engine = await openEmbedded({ dataDir: await folderOfProcess('alike-bench-'), logger })
  const { gallery } = await engine.catalogue.create({
    name: 'a',
    uid: randomBytes(8).toString('hex'),
    setUid: randomBytes(8).toString('hex'),
    engine: 'embedded',
    modelId: model.id,
    dimension,
    settings: {},
    galleriesMax: 1,
  })
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
  return {
    set: await engine.open(newSet(randomBytes(8).toString('hex'))),
    settled: async () => {},
    memory: server.memory,
    async close() {
      await engine.close()
      await server.kill()
    },
  }
}

async function measured({ set, settled, memory, close }: Opened): Promise<Record<string, number>> {
  const makeVector = unitVectors({ dimension, seed: 1, clusters: 200 })
  const began = performance.now()
  for (let begin = 0; begin < count; begin += putAtOnce) {
    const images = Array.from({ length: Math.min(putAtOnce, count - begin) }, (_, i) =>
      newImage(`p${begin + i}`, makeVector(), { modelId: model.id, metadata: { tenth: (begin + i) % 10 } }),
    )
    await set.change(images.map((put) => ({ put })))
  }
  await settled()
  const seconds = (performance.now() - began) / 1_000
  const queries = Array.from({ length: queryCount }, makeVector)
  let found = 0
  for (const vector of queries.slice(0, 10)) {
    const truth = await idsOf(set, vector, { exact: true })
    found += (await idsOf(set, vector, {})).filter((id) => truth.includes(id)).length
  }
  const plain = await timesOf(set, queries, {})
  const filtered = await timesOf(set, queries, { filter: tenth })
  const bytes = await memory()
  await close()
  return {
    'inserts/s': count / seconds,
    [`recall@${k}`]: found / (10 * k),
    'search p50, ms': plain[Math.floor(queryCount * 0.5)]!,
    'search p99, ms': plain[Math.floor(queryCount * 0.99)]!,
    'a tenth allowed, p50, ms': filtered[Math.floor(queryCount * 0.5)]!,
    'memory, MB': bytes / 1e6,
  }
}

async function idsOf(
  set: OpenSet,
  vector: Float32Array,
  terms: { exact?: boolean; filter?: Filter },
): Promise<string[]> {
  return (await (await set.nearest({ vector, ...terms })).first(k)).map(({ record }) => record.id)
}

/** Ascending. */
async function timesOf(set: OpenSet, queries: readonly Float32Array[], terms: { filter?: Filter }): Promise<number[]> {
  const times: number[] = []
  for (const vector of queries) {
    const began = performance.now()
    await idsOf(set, vector, terms)
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)
}

if (skipWithoutWeaviate) throw new Error(skipWithoutWeaviate)
console.log(`${count} × ${dimension}, ${availableParallelism()} cores, one after the other`)
const [here, there] = [await measured(await embedded()), await measured(await weaviate())]
console.log('| | embedded | Weaviate, rq8 | ratio |\n|---|---|---|---|')
for (const [name, value] of Object.entries(here)) {
  const other = there[name]!
  console.log(`| ${name} | ${value.toPrecision(3)} | ${other.toPrecision(3)} | ${(other / value).toPrecision(2)} |`)
}
process.exit(0)
