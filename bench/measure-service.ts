/**
 * Measures one configuration of the service: queries with several numbers of clients, and the ingestion of a tar during
 * searches.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeClient } from '../clients/typescript/src/alike-client.js'
import { percentile } from '../src/cli/percentile.js'
import { tarUpload } from './archive.js'
import type { BenchImage } from './drawn-gallery.js'
import type { LoadResult } from './load-client.js'
import type { LoadClients } from './load-clients.js'
import { readGpus } from './machine-facts.js'
import type { ServiceProcess } from './service-process.js'

/** How the service runs the network, according to its own API. */
export interface ServiceFacts {
  provider: string
  precision: string
  workers: number
  devices?: number[]
  batchSizes: number[]
  ortVersion: string
  fallbackReason?: string
  precisionFallbackReason?: string
  model: string
  goldenCosine: number | undefined
  readyMs: number
}

export interface Load {
  clients: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Medians of the service's reported stage durations; for the network also the 99th percentile. */
  embedMs: number
  embedP99Ms: number
  queueMs: number
  decodeMs: number
  searchMs: number
  /** Mean number of pictures per run of the network. */
  batchSize: number
  /** Average number of cores used by the service. */
  cores: number
  gpuBusyPercent: number | undefined
  gpuUsedMiB: number | undefined
  refusals: Record<string, number>
}

export interface Ingest {
  thumbnails: boolean
  images: number
  /** From the first byte sent to the end of the job. */
  perSecond: number
  /** While the job ran, which starts when all bytes have arrived. */
  perSecondOfJob: number
  sentSeconds: number
  cores: number
  /** Sequential searches on another gallery. */
  idleP50Ms: number
  idleP95Ms: number
  duringP50Ms: number
  duringP95Ms: number
  searchesDuring: number
}

export const benchGallery = 'bench'
const searchUrl = (service: ServiceProcess) => `${service.url}/v1/galleries/${benchGallery}/search?k=10`
const cycled = (images: readonly BenchImage[], length: number) =>
  Array.from({ length }, (_, i) => images[i % images.length]!)

export async function factsOf(service: ServiceProcess): Promise<ServiceFacts> {
  const { name, runtime } = await new AlikeClient({ url: service.url }).servedModel()
  if (runtime === null) throw new Error('the default model must be in memory')
  const golden = [...(await service.metrics())].find(([metric]) => metric.startsWith('alike_golden_min_cosine{'))
  return { ...runtime, model: name, goldenCosine: golden?.[1], readyMs: service.readyMs }
}

/** Creates a gallery to search. */
export async function fillGallery(
  service: ServiceProcess,
  images: readonly BenchImage[],
  count: number,
): Promise<void> {
  const client = new AlikeClient({ url: service.url })
  await client.createGallery(benchGallery)
  const job = await client.waitForJob((await client.ingest(benchGallery, tarUpload(cycled(images, count)))).id)
  if (job.added !== count) throw new Error(`the gallery's job ${job.state} with ${job.added} of ${count} pictures`)
}

export async function measureLoad(
  service: ServiceProcess,
  askers: LoadClients,
  { clients, seconds }: { clients: number; seconds: number },
): Promise<Load> {
  const warmMs = 1_000
  const loading = askers.load({ url: searchUrl(service), clients, warmMs, measureMs: seconds * 1000, pauseMs: 0 })
  await sleep(warmMs)
  const before = await service.metrics()
  const startedAt = performance.now()
  await sleep(seconds * 500)
  const gpus = await readGpus()
  const after = await service.metrics()
  const elapsedSeconds = (performance.now() - startedAt) / 1000
  const result = await loading
  const grown = (name: string) => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN)
  return {
    clients,
    perSecond: result.latenciesMs.length / seconds,
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    embedMs: percentile(result.embedMs, 0.5),
    embedP99Ms: percentile(result.embedMs, 0.99),
    queueMs: percentile(result.queueMs, 0.5),
    decodeMs: percentile(result.decodeMs, 0.5),
    searchMs: percentile(result.searchMs, 0.5),
    batchSize: grown('alike_embed_batch_size_sum') / grown('alike_embed_batch_size_count'),
    cores: grown('process_cpu_seconds_total') / elapsedSeconds,
    gpuBusyPercent: gpus?.busyPercent,
    gpuUsedMiB: gpus?.usedMiB,
    refusals: result.refusals,
  }
}

/** @param count pictures in the tar; @param idleSeconds of searches beforehand on the idle service */
export async function measureIngest(
  service: ServiceProcess,
  searcher: LoadClients,
  {
    images,
    count,
    idleSeconds,
    thumbnails,
  }: { images: readonly BenchImage[]; count: number; idleSeconds: number; thumbnails: boolean },
): Promise<Ingest> {
  const client = new AlikeClient({ url: service.url })
  await client.createGallery('filled')
  const alone = { url: searchUrl(service), clients: 1, warmMs: 300, pauseMs: 20 }
  const idle = await searcher.load({ ...alone, measureMs: idleSeconds * 1000 })
  const searching = searcher.load({ ...alone, warmMs: 0, measureMs: 0 })
  const cpuBefore = await service.metric('process_cpu_seconds_total')
  const startedAt = performance.now()
  const { id } = await client.ingest('filled', tarUpload(cycled(images, count)))
  const sentSeconds = (performance.now() - startedAt) / 1000
  const job = await endOf(client, id)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuSeconds = (await service.metric('process_cpu_seconds_total')) - cpuBefore
  searcher.stop()
  const during: LoadResult = await searching
  if (job.added !== count) throw new Error(`the job ${job.state} with ${job.added} of ${count} pictures`)
  return {
    thumbnails,
    images: count,
    perSecond: count / seconds,
    perSecondOfJob: count / ((Date.parse(job.finishedAt!) - Date.parse(job.startedAt!)) / 1000),
    sentSeconds,
    cores: cpuSeconds / seconds,
    idleP50Ms: percentile(idle.latenciesMs, 0.5),
    idleP95Ms: percentile(idle.latenciesMs, 0.95),
    duringP50Ms: percentile(during.latenciesMs, 0.5),
    duringP95Ms: percentile(during.latenciesMs, 0.95),
    searchesDuring: during.latenciesMs.length,
  }
}

async function endOf(client: AlikeClient, id: string) {
  for (;;) {
    const job = await client.job(id)
    if (job.state !== 'queued' && job.state !== 'running') return job
    await sleep(50)
  }
}
