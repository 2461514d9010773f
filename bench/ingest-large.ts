/**
 * Does a large upload leave the service responsive? 20,000 pictures in one tar: memory over time, throughput relative
 * to bare decoding and inference, and search latency meanwhile relative to the idle service.
 *
 *     npx node dist/bench/ingest-large.js [--model onnx/har-resnet50] [--pictures 20000] [--searches 300]
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { tarUpload } from './archive.js'
import { bareIntake } from './bare-intake.js'
import { drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    pictures: { type: 'string', default: '20000' },
    searches: { type: 'string', default: '300' },
  },
})
const [count, searches] = [Number(values.pictures), Number(values.searches)]
const distinct = await drawBenchImages(128)
const cycled = (length: number) => Array.from({ length }, (_, i) => distinct[i % distinct.length]!)
const model = await readModel(values.model)
const bare = await bareIntake(cycled(Math.min(count, 2_000)), model, { thumbnail: true })

const service = await ServiceProcess.start({ MODEL_DIR: values.model })
const client = new AlikeClient({ url: service.url })
// The searched gallery exists beforehand, so that both measurements use the same one, with a graph.
await client.createGallery('searched')
await client.waitForJob((await client.ingest('searched', tarUpload(cycled(Math.min(count, 3_000))))).id)

let asked = 0
async function ask(latencies: number[]): Promise<void> {
  const bytes = new Uint8Array(distinct[asked++ % distinct.length]!.bytes)
  const started = performance.now()
  await client.search('searched', bytes, { k: 10 })
  latencies.push(performance.now() - started)
}

/** Vector, links and tables; see docs/operations.md, "Planning for a large gallery". */
const bytesOfIndexed = 4 * model.manifest.embeddingDimension + 370

const [idle, during]: [number[], number[]] = [[], []]
for (let i = 0; i < 40; i++) await ask([]) // warms caches and compilers
for (let i = 0; i < searches; i++) await ask(idle)

const readings: { done: number; memoryMiB: number }[] = []
await client.createGallery('filled')
const started = performance.now()
const { id } = await client.ingest('filled', tarUpload(cycled(count)))
const sentSeconds = (performance.now() - started) / 1000
for (;;) {
  const job = await client.job(id)
  if (job.done >= (readings.length * count) / 10)
    readings.push({ done: job.done, memoryMiB: (await service.metric('process_resident_memory_bytes')) / 2 ** 20 })
  if (job.state !== 'queued' && job.state !== 'running') {
    if (job.added !== count) throw new Error(`the job ${job.state} with ${job.added} of ${count} pictures`)
    break
  }
  // An occasional caller: back-to-back searches would take the network for themselves.
  await ask(during)
  await sleep(250)
}
const seconds = (performance.now() - started) / 1000
await service.stop()

console.log(
  `One tar of ${count.toLocaleString('en')} pictures of 640×480, model ${model.manifest.name}: sent in ${sentSeconds.toFixed(1)} s, ingested after ${seconds.toFixed(1)} s;`,
)
console.log(
  `${(count / seconds).toFixed(1)} pictures/s with thumbnails against ${bare.toFixed(1)} for decoding and inference alone: ${(count / seconds / bare).toFixed(2)} ×,`,
)
console.log(
  `with the ${during.length} searches meanwhile, each a picture too, ${((count + during.length) / seconds / bare).toFixed(2)} ×\n`,
)
const row = (share: number) => {
  const [alone, meanwhile] = [percentile(idle, share), percentile(during, share)]
  return [`p${share * 100}`, alone.toFixed(1), meanwhile.toFixed(1), `${(meanwhile / alone).toFixed(2)} ×`]
}
console.log(table(['search', 'idle, ms', 'during the job, ms', 'ratio'], [row(0.5), row(0.95)]))
console.log(`\n${idle.length} searches idle, ${during.length} during the job, one at a time.\n`)
console.log(
  table(
    ['pictures done', 'memory, MiB'],
    readings.map(({ done, memoryMiB }) => [String(done), memoryMiB.toFixed(0)]),
  ),
)
const [second, last] = [readings[1], readings.at(-1)]
if (second !== undefined && last !== undefined)
  console.log(
    `\nmemory at the end: ${(last.memoryMiB / second.memoryMiB).toFixed(2)} × the memory after a tenth of the pictures; the index entries added in between take ${(((last.done - second.done) * bytesOfIndexed) / 2 ** 20).toFixed(0)} MiB`,
  )
