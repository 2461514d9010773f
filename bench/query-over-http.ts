/**
 * What does HTTP add to a query? The same picture, one at a time, alternating: over a socket to the service, and
 * through decode → network → search called directly in this process.
 *
 *     npx node dist/bench/query-over-http.js [--model onnx/har-resnet50] [--queries 400]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { openEmbedder } from '../src/embedding/pooled-embedder.js'
import { prepareImage } from '../src/image/prepare.js'
import { createMetrics } from '../src/metrics/metrics.js'
import { openEmbeddedGalleries } from '../test/engines/embedded/embedded-galleries.js'
import { putImages } from '../test/gallery/stored-images.js'
import { tarUpload } from './archive.js'
import { drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    queries: { type: 'string', default: '400' },
    stored: { type: 'string', default: '500' },
  },
})
const queries = Number(values.queries)
const gallery = 'bench'
const images = await drawBenchImages(64)
const stored = Array.from({ length: Number(values.stored) }, (_, i) => images[i % images.length]!)

const service = await ServiceProcess.start({ MODEL_DIR: values.model })
const client = new AlikeClient({ url: service.url })
await client.createGallery(gallery)
await client.waitForJob((await client.ingest(gallery, tarUpload(stored))).id)

const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const logger = pino({ level: 'silent' })
const model = await readModel(values.model)
const { preprocessing, id, embeddingDimension } = model.manifest
const embedder = await openEmbedder({
  model,
  provider: 'auto',
  requireCuda: false,
  workers: 1,
  maxBatch: 1,
  maxQueue: 8,
  logger,
  metrics: createMetrics().embedding,
})
const galleries = await openEmbeddedGalleries({ dataDir: folder, model: { id, dimension: embeddingDimension }, logger })
await galleries.create(gallery)
for (const [i, { label, bytes }] of stored.entries()) {
  const { pixels, width, height, format } = await prepareImage(bytes, { preprocessing, maxPixels: 1e8 })
  const { vector } = await embedder.embed(pixels)
  await putImages(galleries.images, gallery, [
    {
      id: String(i),
      label,
      metadata: {},
      contentHash: '',
      modelId: id,
      vector,
      width,
      height,
      format,
      bytes: bytes.length,
    },
  ])
}

async function direct(bytes: Uint8Array): Promise<void> {
  const { pixels } = await prepareImage(bytes, { preprocessing, maxPixels: 1e8 })
  const { vector } = await embedder.embed(pixels)
  await galleries.searches.search(gallery, { vector, k: 10 })
}

const overHttp: number[] = []
const inProcess: number[] = []
for (let i = -40; i < queries; i++) {
  const bytes = new Uint8Array(images[(i + 64) % images.length]!.bytes)
  const started = performance.now()
  await client.search(gallery, bytes, { k: 10 })
  const between = performance.now()
  await direct(bytes)
  if (i < 0) continue // the first queries warm caches and compilers
  overHttp.push(between - started)
  inProcess.push(performance.now() - between)
}

const row = (share: number) => {
  const [http, bare] = [percentile(overHttp, share), percentile(inProcess, share)]
  return [`p${share * 100}`, http.toFixed(2), bare.toFixed(2), (http / bare).toFixed(2)]
}
console.log(
  `Query latency, ${queries} alternating queries, ${stored.length} stored pictures, model ${model.manifest.name}\n`,
)
console.log(table(['', 'over HTTP, ms', 'in one process, ms', 'ratio'], [row(0.5), row(0.95), row(0.99)]))

await galleries.close()
await embedder.close()
await service.stop()
await rm(folder, { recursive: true, force: true })
