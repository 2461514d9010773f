/**
 * What does the service cost per query when every core is busy? The same pictures sent over HTTP, and through decode →
 * network → search called directly in one process with as many network threads, alternating. The clients run on the
 * same cores, so their time counts against the service; the CPU time per query excludes them and is valid on a shared
 * machine too.
 *
 *     npx node dist/bench/query-throughput.js [--model onnx/har-resnet50] [--stored 3000] [--clients 16] [--rounds 5]
 *         [--seconds 5]
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { Agent, request } from 'undici'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { openEmbedder } from '../src/embedding/pooled-embedder.js'
import { SlotIndex } from '../src/engines/embedded/vector-index/slot-index.js'
import { indexDefaults } from '../src/engines/embedded/vector-index/vector-index.js'
import { decodersWanted, openDecoders } from '../src/image/decoders.js'
import { createMetrics } from '../src/metrics/metrics.js'
import { packed } from '../test/engines/embedded/vector-index/unit-vectors.js'
import { tarUpload } from './archive.js'
import { drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    stored: { type: 'string', default: '3000' },
    clients: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
  },
})
const [storedCount, clients, rounds, seconds] = [values.stored, values.clients, values.rounds, values.seconds].map(
  Number,
) as [number, number, number, number]
const gallery = 'bench'
const images = await drawBenchImages(64)
const model = await readModel(values.model)
const { preprocessing, embeddingDimension } = model.manifest

const service = await ServiceProcess.start({ MODEL_DIR: values.model })
const client = new AlikeClient({ url: service.url })
await client.createGallery(gallery)
await client.waitForJob(
  (await client.ingest(gallery, tarUpload(Array.from({ length: storedCount }, (_, i) => images[i % images.length]!))))
    .id,
)

const embedder = await openEmbedder({
  model,
  provider: 'auto',
  requireCuda: false,
  workers: 0,
  maxBatch: 0,
  maxQueue: 256,
  logger: pino({ level: 'silent' }),
  metrics: createMetrics().embedding,
})
const decoders = await openDecoders({
  ...decodersWanted({ decoderProcesses: 'auto', decodeConcurrency: 0 }, availableParallelism()),
  memoryMaxBytes: 768 * 2 ** 20,
  logger: pino({ level: 'silent' }),
})
async function embed(bytes: Uint8Array): Promise<Float32Array> {
  const { pixels } = await decoders.prepare(bytes, { preprocessing, maxPixels: 1e8 })
  return (await embedder.embed(pixels)).vector
}
const distinct = await Promise.all(images.map(({ bytes }) => embed(bytes)))
const index = new SlotIndex(embeddingDimension, indexDefaults)
const { slots, vectors } = packed(Array.from({ length: storedCount }, (_, i) => distinct[i % distinct.length]!))
index.add(slots, vectors)
index.work(Infinity)

async function bare(bytes: Uint8Array): Promise<void> {
  index.search({ vector: await embed(bytes), k: 10 })
}

const dispatcher = new Agent({ connections: clients })
async function overHttp(bytes: Uint8Array): Promise<void> {
  const { statusCode, body } = await request(`${service.url}/v1/galleries/${gallery}/search?k=10`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: bytes,
    dispatcher,
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`answered ${statusCode}`)
}

interface Result {
  perSecond: number
  /** Core milliseconds. */
  cpuMs: number
}

/** Clients that query continuously. @param cpuSeconds returns the CPU time used so far by the answering process */
async function measure(
  ask: (bytes: Uint8Array) => Promise<void>,
  cpuSeconds: () => number | Promise<number>,
): Promise<Result> {
  let done = 0
  const cpuBefore = await cpuSeconds()
  const started = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() - started < seconds * 1000) await ask(images[done++ % images.length]!.bytes)
    }),
  )
  const elapsedMs = performance.now() - started
  return { perSecond: (done / elapsedMs) * 1000, cpuMs: (((await cpuSeconds()) - cpuBefore) / done) * 1000 }
}

const measureBare = () => measure(bare, () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6)
const measureHttp = () => measure(overHttp, () => service.metric('process_cpu_seconds_total'))
const results: { bare: Result; http: Result }[] = []
for (let round = -1; round < rounds; round++) {
  const result =
    round % 2 === 0
      ? { http: await measureHttp(), bare: await measureBare() }
      : { bare: await measureBare(), http: await measureHttp() }
  if (round >= 0) results.push(result)
}
await dispatcher.close()
await decoders.close()
await embedder.close()
await service.stop()

const median = (of: (result: (typeof results)[number]) => number) => percentile(results.map(of), 0.5)
console.log(
  `${clients} clients sending back to back, ${storedCount} stored pictures, ${availableParallelism()} cores, model ${model.manifest.name}; medians of ${rounds} rounds of ${seconds} s.\n`,
)
console.log(
  table(
    ['query', 'queries/s', 'ratio', 'CPU time per query, ms', 'bare CPU time / this'],
    [
      [
        'decoding, inference and search in one process',
        median(({ bare }) => bare.perSecond).toFixed(1),
        '1.00',
        median(({ bare }) => bare.cpuMs).toFixed(2),
        '1.00',
      ],
      [
        'over HTTP, with the clients on the same cores',
        median(({ http }) => http.perSecond).toFixed(1),
        median(({ bare, http }) => http.perSecond / bare.perSecond).toFixed(2),
        median(({ http }) => http.cpuMs).toFixed(2),
        median(({ bare, http }) => bare.cpuMs / http.cpuMs).toFixed(2),
      ],
    ],
  ),
)
