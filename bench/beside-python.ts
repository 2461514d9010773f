/**
 * Is the service as fast as sixty lines of Python? The same network, pictures and clients: the service alternates
 * with FastAPI, two workers, onnxruntime, Pillow and faiss, which `bench/python-service/setup.sh` installs. The service
 * chooses its precision; `--precision fp16` shows what that choice gains, as a CPU computes such a file in fp32.
 *
 *     npx node dist/bench/beside-python.js [--model onnx/har-resnet50] [--precision int8] [--stored 1260] [--seconds 10]
 *         [--rounds 2] [--clients 1,16]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { percentile } from '../src/cli/percentile.js'
import { networkFile, type Precision, readModel } from '../src/embedding/model-manifest.js'
import type { BenchImage } from './drawn-gallery.js'
import type { LoadResult } from './load-client.js'
import { LoadClients } from './load-clients.js'
import { benchGallery, factsOf, fillGallery } from './measure-service.js'
import { table } from './report.js'
import { freePort, ServiceProcess } from './service-process.js'
import { drawWebImages } from './web-images.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    /** Precision of the file that Python runs. */
    precision: { type: 'string', default: 'int8' },
    stored: { type: 'string', default: '1260' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
    clients: { type: 'string', default: '1,16' },
  },
})
const python = resolve('.work/python-service/bin/python')
if (!existsSync(python)) throw new Error('The Python service is not installed: run bench/python-service/setup.sh.')
const seconds = Number(values.seconds)
const precision = values.precision as Precision
const model = await readModel(values.model)
const { manifest } = model
const file = networkFile(model, precision)
if (file === undefined) throw new Error(`${values.model} has no ${precision} file.`)

const folder = await mkdtemp(join(tmpdir(), 'alike-beside-'))
const images = await drawWebImages(Number(values.stored))
const askers = new LoadClients(
  Math.min(2, availableParallelism()),
  images.slice(0, 64).map(({ bytes }) => bytes),
)

interface Side {
  name: string
  /** Starts it and stores all pictures. */
  open(): Promise<{ searchUrl: string; close(): Promise<void> }>
  /** Keyed by number of clients. */
  results: Map<number, LoadResult[]>
}
const sides: Side[] = [
  { name: 'service', open: openService, results: new Map() },
  { name: 'Python', open: openPython, results: new Map() },
]
let servicePrecision: string | undefined
try {
  await writeImages(images, join(folder, 'images'))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { open, results } of round % 2 === 0 ? sides : [...sides].reverse()) {
      const { searchUrl, close } = await open()
      for (const clients of values.clients.split(',').map(Number)) {
        const result = await askers.load({
          url: searchUrl,
          clients,
          warmMs: 2_000,
          measureMs: seconds * 1000,
          pauseMs: 0,
        })
        results.set(clients, [...(results.get(clients) ?? []), result])
      }
      await close()
    }
  }
  report()
} finally {
  askers.close()
  await rm(folder, { recursive: true, force: true })
}

async function openService() {
  const service = await ServiceProcess.start({ MODEL_DIR: values.model })
  servicePrecision = (await factsOf(service)).precision
  await fillGallery(service, images, images.length)
  return { searchUrl: `${service.url}/v1/galleries/${benchGallery}/search?k=10`, close: () => service.stop() }
}

async function openPython() {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { inputSize, resizeShortSide } = manifest.preprocessing
  const workers = ['--workers', '2', '--port', String(port), '--log-level', 'warning', '--no-access-log']
  const child = spawn(python, ['-m', 'uvicorn', 'service:app', ...workers], {
    cwd: resolve('bench/python-service'),
    env: {
      ...process.env,
      MODEL_FILE: resolve(file!),
      INPUT_SIZE: String(inputSize),
      SHORT_SIDE: String(resizeShortSide),
      IMAGES: join(folder, 'images'),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await readiness(url, child)
  // the second worker may still be embedding when the first one answers
  await sleep(3_000)
  return {
    searchUrl: `${url}/search?k=10`,
    close: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function readiness(url: string, child: ChildProcess): Promise<void> {
  while ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok !== true) {
    if (child.exitCode !== null) throw new Error(`The Python service exited with ${child.exitCode}.`)
    await sleep(200)
  }
}

async function writeImages(stored: readonly BenchImage[], into: string): Promise<void> {
  await mkdir(into)
  for (const [i, { bytes }] of stored.entries()) await writeFile(join(into, `${String(i).padStart(6, '0')}.jpg`), bytes)
}

function report(): void {
  const [service, other] = sides.map(({ results }) => results)
  const rows = [...service!.keys()].flatMap((clients) => {
    const [ours, theirs] = [service!, other!].map((results) => numbersOf(results.get(clients)!)) as [Numbers, Numbers]
    return (Object.keys(ours) as (keyof Numbers)[]).map((name) => [
      `${clients} ${clients === 1 ? 'client' : 'clients'}: ${name}`,
      ours[name].toFixed(1),
      theirs[name].toFixed(1),
      (ours[name] / theirs[name]).toFixed(2),
    ])
  })
  const precisions = `${servicePrecision} (service) and ${precision} (Python)`
  console.log(`${manifest.name} in ${precisions}, ${images.length} stored, ${values.rounds} × ${seconds} s a side`)
  console.log(table(['', 'service', 'Python', 'ratio'], rows))
}

type Numbers = Record<'queries/s' | 'p50, ms' | 'p99, ms' | 'decoding, ms' | 'network, ms' | 'search, ms', number>

function numbersOf(results: readonly LoadResult[]): Numbers {
  const all = (part: (result: LoadResult) => number[]) => results.flatMap(part)
  const refused = results.flatMap(({ refusals }) => Object.entries(refusals))
  if (refused.length > 0) throw new Error(`Some searches failed: ${JSON.stringify(refused)}`)
  const latencies = all(({ latenciesMs }) => latenciesMs)
  return {
    'queries/s': latencies.length / (seconds * results.length),
    'p50, ms': percentile(latencies, 0.5),
    'p99, ms': percentile(latencies, 0.99),
    'decoding, ms': percentile(
      all(({ decodeMs }) => decodeMs),
      0.5,
    ),
    'network, ms': percentile(
      all(({ embedMs }) => embedMs),
      0.5,
    ),
    'search, ms': percentile(
      all(({ searchMs }) => searchMs),
      0.5,
    ),
  }
}
