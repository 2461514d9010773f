/**
 * `npm run evaluate -- --url URL --gallery NAME --data FOLDER`: quality and latency of a running service over HTTP
 * (protocol B): train + val are ingested in bulk, every test picture is a query.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import cliProgress from 'cli-progress'
import { pack } from 'tar-stream'
import { AlikeClient, isProblem, type SearchAnswer } from '../../clients/typescript/src/alike-client.js'
import { command, runCommand, serviceOptions, wholeNumber } from '../command-line.js'
import type { LabelledImage } from '../datasets/labelled-image.js'
import { readSplitImages, trainingSeedOf } from '../datasets/split-images.js'
import { AlikeError } from '../errors.js'
import type { RankedLabels } from '../eval/judged-query.js'
import { qualityOfRankings } from '../eval/quality.js'
import { evaluationReport, type Filled } from './evaluation-report.js'

interface EvaluateOptions {
  url: string
  gallery: string
  key?: string | undefined
  data: string
  labels?: string | undefined
  queries?: number | undefined
  reuse: boolean
  out?: string | undefined
}

class Evaluation {
  readonly #service: AlikeClient
  readonly #gallery: string
  readonly #images: readonly LabelledImage[]
  readonly #stored: readonly LabelledImage[]
  readonly #queries: readonly LabelledImage[]

  /** @param pictures with their splits */
  constructor({ url, key, gallery, queries }: EvaluateOptions, images: readonly LabelledImage[]) {
    this.#service = new AlikeClient({ url, key })
    this.#gallery = gallery
    this.#images = images
    this.#stored = images.filter(({ split }) => split === 'train' || split === 'val')
    this.#queries = images.filter(({ split }) => split === 'test').slice(0, queries)
    if (this.#stored.length === 0 || this.#queries.length === 0) {
      throw new AlikeError('data_unreadable', {
        detail: 'Evaluation needs pictures to store (train or val) and pictures to query with (test).',
      })
    }
  }

  /** @returns the report as Markdown */
  async run(reuse: boolean): Promise<string> {
    const filled = reuse ? undefined : await this.#fill()
    if (reuse) await this.#expectWholeRankings()
    const latencies = await this.#measureLatency()
    return evaluationReport({
      images: this.#images,
      stored: this.#stored.length,
      queries: this.#queries.length,
      filled,
      latencies,
      quality: qualityOfRankings(await this.#rankEverything()),
    })
  }

  async #fill(): Promise<Filled> {
    if (await this.#service.hasGallery(this.#gallery)) {
      throw new AlikeError('service_refused', {
        detail: `A gallery "${this.#gallery}" already exists, and nothing is added to it: choose another name, or use it as it is with --reuse.`,
      })
    }
    await this.#service.createGallery(this.#gallery)
    await this.#expectWholeRankings().catch(async (error: unknown) => {
      await this.#service.deleteGallery(this.#gallery)
      throw error
    })
    const started = performance.now()
    const { id } = await this.#service.ingest(this.#gallery, {
      open: () => archiveOf(this.#stored),
      contentType: 'application/x-tar',
    })
    const bar = progressBar('ingest', this.#stored.length)
    const job = await this.#service.waitForJob(id, { onProgress: ({ done }) => bar.update(done) })
    bar.stop()
    if (job.state !== 'succeeded' && job.state !== 'completed_with_errors')
      throw new AlikeError('service_refused', { detail: `The ingestion job ended as ${job.state}.` })
    return { job, seconds: (performance.now() - started) / 1000 }
  }

  /** Asked before the pictures are stored, because storing them takes minutes. */
  async #expectWholeRankings(): Promise<void> {
    try {
      await this.#rank(this.#queries[0]!)
    } catch (error) {
      if (!isProblem(error, 'request_invalid')) throw error
      const faults = error.errors.map(({ detail }) => detail).join('; ')
      throw new AlikeError('service_refused', {
        detail: `Each query needs a ranking of all ${this.#stored.length} stored pictures, which the service refuses (${faults}): SEARCH_MAX_K has to be at least as large.`,
      })
    }
  }

  /** One client, one request at a time, the ten best hits: what a user experiences. */
  async #measureLatency(): Promise<Map<string, number[]>> {
    const stages = new Map<string, number[]>([['seen by the client', []]])
    const bar = progressBar('latency', this.#queries.length)
    for (const query of this.#queries) {
      const bytes = await bytesOf(query)
      const started = performance.now()
      const { durations } = await this.#service.search(this.#gallery, bytes, { k: 10 })
      stages.get('seen by the client')!.push(performance.now() - started)
      for (const [stage, ms] of Object.entries(durations)) stages.set(stage, [...(stages.get(stage) ?? []), ms])
      bar.increment()
    }
    bar.stop()
    return stages
  }

  /** Ranks the whole gallery for each query, which the mean rank requires. */
  async #rankEverything(): Promise<RankedLabels[]> {
    const stored = this.#stored.length
    const perLabel = new Map<string, number>()
    for (const { label } of this.#stored) perLabel.set(label, (perLabel.get(label) ?? 0) + 1)
    const rankings: RankedLabels[] = []
    const bar = progressBar('quality', this.#queries.length)
    for (const query of this.#queries) {
      const { hits } = await this.#rank(query)
      const { label } = query
      const ranked = hits.map((hit) => hit.label)
      // a shorter ranking is of a gallery that lacks pictures which could not be read: they are no answers to be found
      const relevant =
        ranked.length < stored ? ranked.filter((found) => found === label).length : (perLabel.get(label) ?? 0)
      rankings.push({ label, ranked, relevant, candidates: ranked.length })
      bar.increment()
    }
    bar.stop()
    return rankings
  }

  /** Ranks the whole gallery. */
  async #rank(query: LabelledImage): Promise<SearchAnswer> {
    return this.#service.search(this.#gallery, await bytesOf(query), { k: this.#stored.length, exact: true })
  }
}

/** One picture in memory at a time: the next is read when the service has taken the previous one. */
function archiveOf(entries: readonly LabelledImage[]): Readable {
  const archive = pack()
  const write = async () => {
    for (const image of entries) {
      const bytes = await bytesOf(image)
      const entry = { name: `${image.label}/${image.id.replaceAll('/', '_')}`, size: bytes.length }
      await new Promise<void>((resolve, reject) =>
        archive.entry(entry, Buffer.from(bytes), (error) => (error ? reject(error) : resolve())),
      )
    }
    archive.finalize()
  }
  write().catch((error: unknown) => archive.destroy(error as Error))
  return Readable.from(archive)
}

async function bytesOf({ source }: LabelledImage): Promise<Uint8Array<ArrayBuffer>> {
  return 'path' in source ? new Uint8Array(await readFile(source.path)) : new Uint8Array(source.bytes)
}

function progressBar(name: string, total: number) {
  const bar = new cliProgress.SingleBar({
    format: `${name.padEnd(8)} {bar} {value}/{total}, {eta_formatted} left`,
    stream: process.stderr,
  })
  bar.start(total, 0)
  return bar
}

async function evaluate(options: EvaluateOptions): Promise<void> {
  const { manifest } = await new AlikeClient(options).servedModel()
  const images = await readSplitImages({
    ...options,
    seed: trainingSeedOf(manifest.provenance as Readonly<Record<string, unknown>>),
  })
  const report = await new Evaluation(options, images).run(options.reuse)
  console.log(report)
  if (options.out !== undefined) await writeFile(options.out, report)
}

await runCommand(
  command(
    'npm run evaluate --',
    'Measures quality and latency of a running service: stores train and val pictures, queries with test pictures.',
  )
    .requiredOption(
      '--data <folder>',
      'a folder per label, or pictures with a CSV; without a split, the same one as training is made',
    )
    .option('--labels <csv>', 'filename,label[,split][,duplicate_group]; labels.csv of the folder by default')
    .option('--gallery <name>', 'gallery to create', 'evaluate')
    .option('--reuse', 'use an existing, filled gallery', false)
    .option('--queries <count>', 'only this many test pictures', wholeNumber())
    .option('--out <file>', 'also write the report to this file')
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .action(evaluate),
)
