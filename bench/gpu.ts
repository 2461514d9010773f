/**
 * How fast is the service on a machine with a GPU? Measures it as configured by its environment, and in variants of
 * that; runs offline, and also without a GPU, which the report then states. Writes gpu.json and gpu.md.
 *
 *     npm run bench:gpu -- --out bench-results [--batch-sizes '1,4,16,64;1,8,32'] [--workers 1,2,4]
 *         [--variant 'name:KEY=VALUE,KEY=VALUE' …] [--only queries,ingest,network,decode] [--clients 1,8,32,64] [--seconds 5]
 */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { DecodeRate } from './decode-rate.js'
import { type GpuBenchReport, gpuReport, type VariantResult } from './gpu-report.js'
import { LoadClients } from './load-clients.js'
import { machineFacts, readGpus } from './machine-facts.js'
import { factsOf, fillGallery, measureIngest, measureLoad } from './measure-service.js'
import type { NetworkRate } from './network-rate.js'
import { ServiceProcess, startSettings } from './service-process.js'
import { type Variant, variantsOf } from './variants.js'
import { drawWebImages } from './web-images.js'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'bench-results' },
    model: { type: 'string', default: fileURLToPath(new URL('../../onnx/har-resnet50', import.meta.url)) },
    only: { type: 'string', default: 'queries,ingest,network,decode' },
    clients: { type: 'string', default: '1,8,32,64' },
    seconds: { type: 'string', default: '5' },
    stored: { type: 'string', default: '1000' },
    /** Distinct pictures, used repeatedly as queries, stored pictures and uploads. */
    drawn: { type: 'string', default: '256' },
    /** Pictures in the tar; 0: 8,000 on a GPU, 400 on the CPU. */
    pictures: { type: 'string', default: '0' },
    /** After this time the remaining parts are skipped. */
    minutes: { type: 'string', default: '4.5' },
    'client-processes': { type: 'string', default: '4' },
    'batch-sizes': { type: 'string' },
    workers: { type: 'string' },
    variant: { type: 'string', multiple: true, default: [] },
  },
})
const parts = values.only.split(',')
const seconds = Number(values.seconds)
const stored = Number(values.stored)
const cores = availableParallelism()
const startedAt = performance.now()
const timeIsUp = () => performance.now() - startedAt > Number(values.minutes) * 60_000

/** Threads for every core; the environment takes precedence. */
const outerSettings: Record<string, string> = {
  ...startSettings,
  UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? String(Math.max(16, 2 * cores)),
  REQUESTS_MAX: process.env.REQUESTS_MAX ?? '256',
  MODEL_DIR: values.model,
  API_KEYS: '',
  API_KEYS_FILE: '',
}

const images = await drawWebImages(Number(values.drawn))
const report: GpuBenchReport = {
  machine: await machineFacts(),
  settings: outerSettings,
  stored,
  decode: [],
  variants: [],
  leftOut: [],
  seconds: 0,
}
const askers = new LoadClients(
  Number(values['client-processes']),
  images.slice(0, 64).map(({ bytes }) => bytes),
)
const searcher = new LoadClients(
  1,
  images.slice(0, 64).map(({ bytes }) => bytes),
)
if (report.machine.gpus.length === 0) say('no GPU found: measuring on the CPU')

for (const variant of variantsOf({
  batchSizes: values['batch-sizes'],
  workers: values.workers,
  variants: values.variant,
})) {
  const result: VariantResult = { name: variant.name, settings: variant.settings, loads: [], ingest: [] }
  report.variants.push(result)
  try {
    if (parts.includes('queries')) await measureQueries(variant, result)
    if (parts.includes('ingest')) for (const thumbnails of [false, true]) await measureTar(variant, result, thumbnails)
  } catch (error) {
    result.failure = error instanceof Error ? error.message : String(error)
    say(`${variant.name}: ${result.failure}`)
  }
  await write()
}
if (parts.includes('network') && !leaveOut('the network alone')) {
  report.network = (await measureAlone('network-rate', String(Math.min(1, seconds)))) as NetworkRate
  await write()
}
if (parts.includes('decode')) {
  for (const thumbnail of [false, true]) for (const atOnce of [1, 4, 16]) await measureDecode(atOnce, thumbnail)
}
askers.close()
searcher.close()
await write()
console.log(gpuReport(report))

async function measureQueries({ name, settings }: Variant, result: VariantResult): Promise<void> {
  if (leaveOut(`queries of ${name}`)) return
  const before = (await readGpus())?.usedMiB
  const service = await ServiceProcess.start({ ...outerSettings, ...settings })
  try {
    result.service = await factsOf(service)
    result.gpuUsedMiB = { before, ready: (await readGpus())?.usedMiB }
    say(`${name}: ${result.service.provider}, ready after ${(service.readyMs / 1000).toFixed(1)} s`)
    await fillGallery(service, images, stored)
    for (const clients of values.clients.split(',').map(Number)) {
      if (leaveOut(`${clients} clients of ${name}`)) continue
      const load = await measureLoad(service, askers, { clients, seconds })
      result.loads.push(load)
      say(
        `${name}: ${clients} clients, ${load.perSecond.toFixed(0)} queries/s, embedding ${load.embedMs.toFixed(1)} ms`,
      )
    }
  } finally {
    await service.stop()
  }
}

/** Starts a separate service each time, because thumbnails are configured at start. */
async function measureTar({ name, settings }: Variant, result: VariantResult, thumbnails: boolean): Promise<void> {
  if (leaveOut(`ingestion of ${name} ${thumbnails ? 'with' : 'without'} thumbnails`)) return
  const side = thumbnails ? (process.env.THUMBNAIL_MAX_SIDE_PIXELS ?? '192') : '0'
  const service = await ServiceProcess.start({ ...outerSettings, THUMBNAIL_MAX_SIDE_PIXELS: side, ...settings })
  try {
    result.service ??= await factsOf(service)
    await fillGallery(service, images, Math.min(stored, 500))
    const count = Number(values.pictures) || (result.service.provider === 'cuda' ? 8_000 : 400)
    const ingest = await measureIngest(service, searcher, {
      images,
      count,
      idleSeconds: Math.min(3, seconds),
      thumbnails,
    })
    result.ingest.push(ingest)
    say(`${name}: ${ingest.perSecond.toFixed(0)} pictures/s taken in ${thumbnails ? 'with' : 'without'} thumbnails`)
  } finally {
    await service.stop()
  }
}

async function measureDecode(atOnce: number, thumbnail: boolean): Promise<void> {
  if (leaveOut(`decoding at ${atOnce} at once`)) return
  report.decode.push(
    (await measureAlone('decode-rate', String(atOnce), String(Math.min(3, seconds)), String(thumbnail))) as DecodeRate,
  )
}

/** In a separate process that ends by itself. */
async function measureAlone(name: string, ...words: string[]): Promise<unknown> {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [file, values.model, ...words], {
    env: { ...process.env, ...outerSettings },
  })
  return JSON.parse(stdout)
}

function leaveOut(what: string): boolean {
  if (timeIsUp()) report.leftOut.push(what)
  return timeIsUp()
}

async function write(): Promise<void> {
  report.seconds = (performance.now() - startedAt) / 1000
  await mkdir(values.out, { recursive: true })
  await writeFile(join(values.out, 'gpu.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(values.out, 'gpu.md'), gpuReport(report))
}

function say(line: string): void {
  console.error(`${((performance.now() - startedAt) / 1000).toFixed(0)} s  ${line}`)
}
