/**
 * What does ingestion cost beyond decoding and inference? The same pictures through the bare pipeline (decode +
 * network, no database, no index, no HTTP) and as one tar through the service, alternating, with the same number of
 * threads.
 *
 *     npx node dist/bench/ingest-throughput.js [--model onnx/har-resnet50] [--pictures 2000] [--rounds 3]
 */
import { parseArgs } from 'node:util'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { tarUpload } from './archive.js'
import { bareIntake, thumbnailSide } from './bare-intake.js'
import { drawBenchImages } from './drawn-gallery.js'
import { table } from './report.js'
import { ServiceProcess } from './service-process.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    pictures: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
  },
})
const distinct = await drawBenchImages(128)
const images = Array.from({ length: Number(values.pictures) }, (_, i) => distinct[i % distinct.length]!)
const model = await readModel(values.model)

/** Pictures per second from the first byte of the tar to the end of the job. */
async function throughService(thumbnail: boolean): Promise<number> {
  const service = await ServiceProcess.start({
    MODEL_DIR: values.model,
    THUMBNAIL_MAX_SIDE_PIXELS: thumbnail ? String(thumbnailSide) : '0',
  })
  const client = new AlikeClient({ url: service.url })
  await client.createGallery('bench')
  const started = performance.now()
  const { id } = await client.ingest('bench', tarUpload(images))
  const job = await client.waitForJob(id)
  const perSecond = (images.length / (performance.now() - started)) * 1000
  if (job.added !== images.length) throw new Error(`${job.added} of ${images.length} pictures were added`)
  await service.stop()
  return perSecond
}

const rounds: { bare: number[]; service: number[] }[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  const [bareAlone, serviceAlone] = [await bareIntake(images, model, { thumbnail: false }), await throughService(false)]
  const [bareWith, serviceWith] = [await bareIntake(images, model, { thumbnail: true }), await throughService(true)]
  rounds.push({ bare: [bareAlone, bareWith], service: [serviceAlone, serviceWith] })
}
const median = (of: (round: (typeof rounds)[number]) => number) => percentile(rounds.map(of), 0.5).toFixed(2)
const row = (name: string, i: 0 | 1) => [
  name,
  median(({ bare }) => bare[i]!),
  median(({ service }) => service[i]!),
  median(({ bare, service }) => service[i]! / bare[i]!),
]
console.log(
  `Ingestion, ${images.length} pictures of 640×480, ${rounds.length} rounds, median, model ${model.manifest.name}\n`,
)
console.log(
  table(
    ['', 'decoding and inference alone, pictures/s', 'service: tar over HTTP, database, index, pictures/s', 'ratio'],
    [row('without thumbnails', 0), row('with thumbnails', 1)],
  ),
)
