/**
 * `npm run evaluate -- --url URL --gallery NAME --data FOLDER`: quality and latency of a running
 * service over HTTP (protocol B): train + val are ingested in bulk, every test picture is a query.
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import cliProgress from 'cli-progress'
import { pack } from 'tar-stream'
import { readLabelledPictures, type LabelledPicture } from '../datasets/labelled-pictures.js'
import { AlikeError } from '../errors.js'
import type { RankedLabels } from '../eval/judged-query.js'
import { qualityOfRankings } from '../eval/quality.js'
import { percentile } from './percentile.js'
import { ServiceClient, type Job } from './service-client.js'

const usage = `npm run evaluate -- --data FOLDER [--labels CSV] [--url http://127.0.0.1:8080] [--gallery evaluate]
  [--queries N]   only the first N test pictures
  [--reuse]       the gallery is filled already
  [--key KEY]     API key, where the service asks for one (admin: galleries are deleted)
  [--out FILE]    also write the report there`

const { values: settings } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    gallery: { type: 'string', default: 'evaluate' },
    key: { type: 'string' },
    data: { type: 'string' },
    labels: { type: 'string' },
    queries: { type: 'string' },
    reuse: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
if (settings.data === undefined) {
  console.error(usage)
  process.exit(2)
}

const service = new ServiceClient(settings.url, settings.key)
const pictures = await readLabelledPictures(settings.data, settings.labels)
const stored = pictures.filter(({ split }) => split === 'train' || split === 'val')
const queries = pictures.filter(({ split }) => split === 'test').slice(0, settings.queries === undefined ? undefined : Number(settings.queries))
if (stored.length === 0 || queries.length === 0) {
  throw new AlikeError('data_unreadable', { detail: 'Evaluation needs pictures of a split: train or val to store, test to query with.' })
}

const ingest = settings.reuse ? undefined : await fill()
const latencies = await measureLatency()
const quality = qualityOfRankings(await rankEverything())
const report = renderReport()
console.log(report)
if (settings.out !== undefined) await writeFile(settings.out, report)

async function fill(): Promise<{ job: Job; seconds: number }> {
  await service.createGallery(settings.gallery)
  const started = performance.now()
  const { id } = await service.ingestTar(settings.gallery, archiveOf(stored))
  const bar = progressBar('ingest', stored.length)
  const job = await service.waitForJob(id, ({ done }) => bar.update(done))
  bar.stop()
  if (job.state !== 'succeeded' && job.state !== 'completed_with_errors') throw new AlikeError('service_refused', { detail: `The ingestion job ended as ${job.state}.` })
  return { job, seconds: (performance.now() - started) / 1000 }
}

/** One picture at a time in memory: the next is read when the service has taken the one before. */
function archiveOf(entries: readonly LabelledPicture[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const picture of entries) {
      const bytes = await bytesOf(picture)
      const entry = { name: `${picture.label}/${picture.id.replaceAll('/', '_')}`, size: bytes.length }
      await new Promise<void>((resolve, reject) => archive.entry(entry, Buffer.from(bytes), (error) => (error ? reject(error) : resolve())))
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}

/** One client, one request at a time, the ten best: what a user waits for. */
async function measureLatency(): Promise<{ total: number[]; stages: Map<string, number[]> }> {
  const total: number[] = []
  const stages = new Map<string, number[]>()
  const bar = progressBar('latency', queries.length)
  for (const query of queries) {
    const bytes = await bytesOf(query)
    const started = performance.now()
    const { durations } = await service.search(settings.gallery, bytes, { k: '10' })
    total.push(performance.now() - started)
    for (const [stage, ms] of Object.entries(durations)) stages.set(stage, [...(stages.get(stage) ?? []), ms])
    bar.increment()
  }
  bar.stop()
  return { total, stages }
}

/** The whole gallery ranked for each query, so that mean rank is known. */
async function rankEverything(): Promise<RankedLabels[]> {
  const perLabel = new Map<string, number>()
  for (const { label } of stored) perLabel.set(label, (perLabel.get(label) ?? 0) + 1)
  const rankings: RankedLabels[] = []
  const bar = progressBar('quality', queries.length)
  for (const query of queries) {
    const { hits } = await service.search(settings.gallery, await bytesOf(query), { k: String(stored.length), exact: 'true' })
    const ranked = hits.map(({ label }) => label)
    rankings.push({ label: query.label, ranked, relevant: perLabel.get(query.label) ?? 0, candidates: stored.length })
    bar.increment()
  }
  bar.stop()
  return rankings
}

function renderReport(): string {
  const { overall, intervals } = quality
  const number = (value: number | null | undefined, digits = 3) => (value == null ? '–' : value.toFixed(digits))
  const row = (name: keyof typeof overall & string, digits = 3) => {
    const interval = intervals[name]
    const range = interval === undefined ? '' : `${number(interval[0], digits)} – ${number(interval[1], digits)}`
    return `| ${name} | ${number(overall[name], digits)} | ${range} |`
  }
  const latencyRow = (name: string, values: readonly number[]) =>
    `| ${name} | ${[0.5, 0.95, 0.99].map((share) => number(percentile(values, share), 1)).join(' | ')} |`
  return [
    `# Evaluation over HTTP (protocol B: test pictures query train + val)`,
    '',
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}.`,
    `Data: ${stored.length} stored, ${queries.length} queries, ids hash ${hashOfIds()}.`,
    ingest === undefined ? '' : `Ingest: ${ingest.job.added} added, ${ingest.job.failed} failed in ${number(ingest.seconds, 1)} s (${number(ingest.job.done / ingest.seconds, 1)} pictures/s).`,
    '',
    '| quality | value | 95 % interval |',
    '|---|---|---|',
    ...(['mAP@1', 'mAP@10', 'mAP@50', 'mAP@R', 'recall@1', 'recall@5', 'recall@10', 'rPrecision', 'mrr', 'knnAccuracy', 'normalisedMeanRank'] as const).map((name) => row(name)),
    row('meanRank', 1),
    row('medianFirstRank', 1),
    '',
    'One client, one request at a time, k = 10, milliseconds:',
    '',
    '| stage | p50 | p95 | p99 |',
    '|---|---|---|---|',
    latencyRow('seen by the client', latencies.total),
    ...[...latencies.stages].map(([stage, values]) => latencyRow(stage, values)),
    '',
  ].join('\n')
}

function hashOfIds(): string {
  return createHash('sha256').update(pictures.map(({ id, label, split }) => `${id},${label},${split}`).join('\n')).digest('hex').slice(0, 16)
}

async function bytesOf({ source }: LabelledPicture): Promise<Uint8Array<ArrayBuffer>> {
  return 'path' in source ? new Uint8Array(await readFile(source.path)) : new Uint8Array(source.bytes)
}

function progressBar(name: string, total: number) {
  const bar = new cliProgress.SingleBar({ format: `${name.padEnd(8)} {bar} {value}/{total}, {eta_formatted} left`, stream: process.stderr })
  bar.start(total, 0)
  return bar
}
