/**
 * How long does the service take to start with a large gallery? From the start of the process to `/readyz`, and to the
 * answer of its first search: with the graph cache, without it, and, as a reference, on an empty data folder. Vectors
 * are random. On a busy machine use the CPU time and the ratio.
 *
 *     npx node dist/bench/start.js [--vectors 50000] [--dimension 512] [--rounds 3]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { percentile } from '../src/cli/percentile.js'
import { engineOf, openEmbeddedGalleries } from '../test/engines/embedded/embedded-galleries.js'
import { unitVectors } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { newImage, putImages } from '../test/gallery/stored-images.js'
import { writeHandmadeModel } from '../test/support/handmade-onnx.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '50000' },
    dimension: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
  },
})
const [count, dimension, rounds] = [values.vectors, values.dimension, values.rounds].map(Number) as [
  number,
  number,
  number,
]
const limitMs = 10_000

const folder = await mkdtemp(join(tmpdir(), 'alike-bench-start-'))
process.once('exit', () => spawn('rm', ['-rf', folder], { detached: true, stdio: 'ignore' }))
const modelDir = await mkdtemp(join(folder, 'model-'))
const model = await writeHandmadeModel(modelDir, { inputSize: Math.ceil(Math.sqrt(dimension / 3)), dimension })
const makeVector = unitVectors({ dimension, seed: 1, clusters: 100, latent: 24 })
const query = makeVector()

const filled = join(folder, 'filled')
const buildSeconds = await fill(filled)
const withoutGraph = join(folder, 'without-graph')
await cp(filled, withoutGraph, { recursive: true })
await rm(join(withoutGraph, 'index'), { recursive: true })

interface Way {
  name: string
  dataDir: string
  readyMs: number[]
  cpuMs: number[]
  answerMs: number[]
  method: string
}
const ways: Way[] = [
  { name: 'empty data folder', dataDir: join(folder, 'empty'), readyMs: [], cpuMs: [], answerMs: [], method: '–' },
  { name: 'with its graph cache', dataDir: filled, readyMs: [], cpuMs: [], answerMs: [], method: '' },
  { name: 'without it', dataDir: withoutGraph, readyMs: [], cpuMs: [], answerMs: [], method: '' },
]
for (let round = 0; round < rounds; round++) for (const way of ways) await measure(way)

const reference = percentile(ways[0]!.readyMs, 0.5)
const bytes = (await stat(join(filled, 'alike.db'))).size
console.log(
  `${count.toLocaleString('en')} vectors of ${dimension} dimensions, a database of ${(bytes / 1e6).toFixed(0)} MB; ${rounds} rounds, medians. Building the graph takes ${buildSeconds.toFixed(0)} s; a start without a graph cache does not wait for it.\n`,
)
console.log(
  table(
    [
      'start',
      'ready, s',
      'relative to the empty folder',
      'CPU time until then, s',
      'first search answered, s',
      'found by',
      `under ${limitMs / 1_000} s`,
    ],
    ways.map(({ name, readyMs, cpuMs, answerMs, method }) => {
      const ready = percentile(readyMs, 0.5)
      const answered = answerMs.length === 0 ? '–' : (percentile(answerMs, 0.5) / 1_000).toFixed(2)
      return [
        name,
        (ready / 1_000).toFixed(2),
        `${(ready / reference).toFixed(1)} ×`,
        (percentile(cpuMs, 0.5) / 1_000).toFixed(2),
        answered,
        method,
        ready < limitMs ? 'yes' : 'no',
      ]
    }),
  ),
)

/** @returns seconds from the first vector to a complete graph */
async function fill(dataDir: string): Promise<number> {
  const galleries = await openEmbeddedGalleries({
    dataDir,
    model: { id: model.manifest.id, dimension },
    logger: pino({ level: 'silent' }),
    storage: { graphCacheAfterWrites: 1e8, graphCacheAfterSeconds: 1e6 },
  })
  const startedAt = performance.now()
  await galleries.create('g')
  for (let from = 0; from < count; from += 500) {
    const images = Array.from({ length: Math.min(500, count - from) }, (_, i) =>
      newImage(`p${from + i}`, makeVector(), { modelId: model.manifest.id, label: `label ${i % 15}` }),
    )
    await putImages(galleries.images, 'g', images)
  }
  // Readings arrive with answers: a search refreshes them.
  for (;;) {
    await galleries.searches.search('g', { vector: query, k: 1 })
    const { pending, building } = (await galleries.readings.all())[0]!
    if (pending === 0 && !building) break
    await sleep(500)
  }
  const seconds = (performance.now() - startedAt) / 1_000
  await engineOf(galleries).saveGraphCaches()
  await galleries.close()
  if ((await readdir(join(dataDir, 'index'))).length !== 2) throw new Error('the graph has no cache')
  return seconds
}

async function measure(way: Way): Promise<void> {
  const startedAt = performance.now()
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      PROVIDER: 'cpu',
      EMBED_WORKERS: '1',
      LOG_LEVEL: 'info',
      UV_THREADPOOL_SIZE: '8',
      DATA_DIR: way.dataDir,
      MODEL_DIR: modelDir,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve) => {
    let log = ''
    child.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      const address = /listening at (http:[^"\s]+)/.exec(log)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
  if (!(await fetch(`${url}/readyz`)).ok) throw new Error('it listens but is not ready')
  way.readyMs.push(performance.now() - startedAt)
  way.cpuMs.push(await cpuMsOf(child.pid!))
  if (way !== ways[0]) {
    const response = await fetch(`${url}/v1/galleries/g/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vector: [...query], k: 10 }),
    })
    const answer = (await response.json()) as { hits: unknown[]; method: string }
    if (answer.hits.length !== 10) throw new Error(`the first search found ${answer.hits.length} hits`)
    way.answerMs.push(performance.now() - startedAt)
    way.method = answer.method
  }
  child.kill('SIGKILL') // saves nothing, so that the next round starts from the same folder
  await once(child, 'exit')
}

/** Of all threads so far: independent of other load on the machine. Linux counts in hundredths of a second. */
async function cpuMsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
