/**
 * Does the service stay healthy under full load? Clients query continuously; event-loop delay and memory are read from
 * the service's own metrics meanwhile.
 *
 *     npx node dist/bench/full-load.js [--model onnx/har-resnet50] [--queries 10000] [--clients 8]
 */
import { parseArgs } from 'node:util'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { tarUpload } from './archive.js'
import { drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    queries: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '8' },
  },
})
const queries = Number(values.queries)
const images = await drawBenchImages(64)
const service = await ServiceProcess.start({ MODEL_DIR: values.model })
const client = new AlikeClient({ url: service.url })
await client.createGallery('bench')
await client.waitForJob(
  (await client.ingest('bench', tarUpload(Array.from({ length: 3000 }, (_, i) => images[i % images.length]!)))).id,
)

const latencies: number[] = []
const readings: { queries: number; memoryMiB: number; delayP99Ms: number }[] = []
let begun = 0

async function ask(): Promise<void> {
  while (begun < queries) {
    const number = begun++
    const started = performance.now()
    await client.search('bench', new Uint8Array(images[number % images.length]!.bytes), { k: 10 })
    latencies.push(performance.now() - started)
    if (latencies.length % Math.ceil(queries / 10) === 0) await read()
  }
}

async function read(): Promise<void> {
  readings.push({
    queries: latencies.length,
    memoryMiB: (await service.metric('process_resident_memory_bytes')) / 2 ** 20,
    delayP99Ms: (await service.metric('nodejs_eventloop_lag_p99_seconds')) * 1000,
  })
}

const started = performance.now()
await Promise.all(Array.from({ length: Number(values.clients) }, ask))
const seconds = (performance.now() - started) / 1000

console.log(
  `Full load, ${queries} queries from ${values.clients} clients, 3,000 stored pictures: ${(queries / seconds).toFixed(1)} queries/s,`,
)
console.log(
  `latency p50 ${percentile(latencies, 0.5).toFixed(1)}, p95 ${percentile(latencies, 0.95).toFixed(1)}, p99 ${percentile(latencies, 0.99).toFixed(1)} ms\n`,
)
console.log(
  table(
    ['queries done', 'memory, MiB', 'event-loop delay p99, ms'],
    readings.map((reading) => [String(reading.queries), reading.memoryMiB.toFixed(0), reading.delayP99Ms.toFixed(1)]),
  ),
)
const [second, last] = [readings[1], readings.at(-1)]
if (second !== undefined && last !== undefined)
  console.log(
    `\nmemory at the end: ${(last.memoryMiB / second.memoryMiB).toFixed(2)} × the memory after a fifth of the queries`,
  )
await service.stop()
