/**
 * An evaluation of a running service: its gallery is filled with the pictures of train and val, and every test picture
 * is a query, once to measure the latency, once for a ranking of the whole gallery.
 */
import {
  type AlikeClient,
  isProblem,
  type ProblemCode,
  type SearchAnswer,
  type SearchParameters,
  type ServedModel,
} from '../../clients/typescript/src/alike-client.js'
import { cancelled } from '../command-line.js'
import { bytesOf } from '../datasets/image-bytes.js'
import type { LabelledImage } from '../datasets/labelled-image.js'
import { spreadOverLabels } from '../datasets/samples.js'
import { emptyPart } from '../datasets/split.js'
import { AlikeError } from '../errors.js'
import type { RankedLabels } from '../eval/judged-query.js'
import { qualityOfRankings } from '../eval/quality.js'
import { seededRandom } from '../eval/random.js'
import { evaluationReport, type Filled } from './evaluation-report.js'
import { archiveOf } from './evaluation-upload.js'
import { withBar } from './progress-bar.js'
import { cleaningMaxMs } from './service-client.js'

export interface EvaluationOptions {
  gallery: string
  /** Number of test pictures. Default: all of them. */
  queries?: number | undefined
  /** Number of best hits that expand each query. Default: none. */
  expand?: number | undefined
}

/** The same sample of a data set for every model. */
const sampleSeed = 1

/** What is wrong with a query's picture alone. */
const unreadable = [
  'image_empty',
  'image_unreadable',
  'image_format_unsupported',
  'image_too_many_pixels',
  'image_too_much_memory',
  'image_ended_decoder',
  'image_too_large',
  'body_too_large',
] as const satisfies readonly ProblemCode[]

interface Found {
  answer: SearchAnswer
  /** Seen by the client. */
  ms: number
}

export class Evaluation {
  readonly #service: AlikeClient
  readonly #gallery: string
  readonly #images: readonly LabelledImage[]
  readonly #stored: readonly LabelledImage[]
  readonly #queries: readonly LabelledImage[]
  readonly #expansion: Pick<SearchParameters, 'expand'>
  /** Id → duplicate group, whose pictures never count as hits of each other. */
  readonly #groups: ReadonlyMap<string, string>
  /** Query that cannot be read → the error code. */
  readonly #leftOut = new Map<string, string>()

  /** @param images with their splits */
  constructor(service: AlikeClient, { gallery, queries, expand }: EvaluationOptions, images: readonly LabelledImage[]) {
    this.#service = service
    this.#gallery = gallery
    this.#images = images
    this.#expansion = expand === undefined ? {} : { expand }
    this.#stored = images.filter(({ split }) => split === 'train' || split === 'val')
    this.#groups = new Map(images.map(({ id, group }) => [written(id), group]))
    const test = images.filter(({ split }) => split === 'test')
    this.#queries = queries === undefined ? test : spreadOverLabels(test, queries, seededRandom(sampleSeed))
    if (this.#queries.length === 0) throw new AlikeError('dataset_unusable', { detail: emptyPart('test') })
    if (this.#stored.length === 0)
      throw new AlikeError('dataset_unusable', { detail: 'There are no pictures to store: none is in train or val.' })
  }

  /** @returns the report as Markdown */
  async run(model: ServedModel, reuse: boolean): Promise<string> {
    const filled = reuse ? undefined : await this.#fill()
    const { count } = await this.#service.gallery(this.#gallery)
    if (reuse) await this.#expectWholeRankings(count)
    const latencies = await this.#measureLatency()
    return evaluationReport({
      model,
      images: this.#images,
      stored: count,
      expand: this.#expansion.expand,
      leftOut: this.#leftOut,
      filled,
      latencies,
      quality: qualityOfRankings(await this.#rankEverything(count)),
    })
  }

  async #fill(): Promise<Filled> {
    if (await this.#service.hasGallery(this.#gallery)) {
      throw new AlikeError('service_refused', {
        detail: `A gallery "${this.#gallery}" already exists, and nothing is added to it: choose another name, or use it as it is with --reuse.`,
      })
    }
    await this.#service.createGallery(this.#gallery)
    const interrupt = new AbortController()
    const onInterrupt = () => interrupt.abort()
    process.once('SIGINT', onInterrupt) // a second one ends the process at once
    try {
      return await this.#store(interrupt.signal)
    } catch (error) {
      const isCancelled = interrupt.signal.aborted // by now, not while the gallery is removed
      // half filled, it would be in the way of the next evaluation; the service may be gone, which is not why this one failed
      await this.#service.deleteGallery(this.#gallery, { signal: AbortSignal.timeout(cleaningMaxMs) }).catch(() => {})
      if (!isCancelled) throw error
      console.error('Cancelled while storing pictures.')
      process.exit(cancelled)
    } finally {
      process.off('SIGINT', onInterrupt)
    }
  }

  /** @throws also the signal's reason */
  async #store(signal: AbortSignal): Promise<Filled> {
    await this.#expectWholeRankings(this.#stored.length)
    const started = performance.now()
    const { id } = await this.#service.ingest(this.#gallery, {
      open: () => archiveOf(this.#stored),
      contentType: 'application/x-tar',
      signal,
    })
    const job = await withBar(barOf('ingest'), this.#stored.length, (bar) =>
      this.#service.waitForJob(id, { signal, onProgress: ({ done }) => bar.update(done) }),
    )
    if (job.state !== 'succeeded' && job.state !== 'completed_with_errors') {
      const why = job.failure === null ? '.' : `, ${job.failure.code}: ${job.failure.detail}`
      throw new AlikeError('service_refused', { detail: `The ingestion job ended as ${job.state}${why}` })
    }
    return { job, seconds: (performance.now() - started) / 1000 }
  }

  /** Asked before the pictures are stored, because storing them takes minutes. */
  async #expectWholeRankings(count: number): Promise<void> {
    if (count === 0) throw new AlikeError('service_refused', { detail: `The gallery "${this.#gallery}" is empty.` })
    try {
      for (const query of this.#queries) if (await this.#search(query, wholeRanking(count))) return
    } catch (error) {
      if (!isProblem(error, 'request_invalid')) throw error
      const faults = error.errors.map(({ detail }) => detail).join('; ')
      throw new AlikeError('service_refused', {
        detail: `Each query needs a ranking of all ${count} stored pictures, which the service refuses (${faults}): SEARCH_MAX_K has to be at least as large.`,
      })
    }
    throw new AlikeError('dataset_unusable', { detail: 'None of the test pictures can be read.' })
  }

  /** One client, one request at a time, the ten best hits: what a user experiences. */
  async #measureLatency(): Promise<Map<string, number[]>> {
    const stages = new Map<string, number[]>([['seen by the client', []]])
    await this.#forEach('latency', { k: 10 }, (_, { answer, ms: seen }) => {
      for (const [stage, ms] of Object.entries({ 'seen by the client': seen, ...answer.durations }))
        stages.set(stage, [...(stages.get(stage) ?? []), ms])
    })
    return stages
  }

  /** Ranks the whole gallery for each query, which the mean rank requires. */
  async #rankEverything(count: number): Promise<RankedLabels[]> {
    const rankings: RankedLabels[] = []
    await this.#forEach('quality', wholeRanking(count), (query, { answer }) => {
      const label = written(query.label)
      const hits = answer.hits.filter(({ id }) => this.#groups.get(written(id)) !== query.group)
      const ranked = hits.map((hit) => (hit.label === null ? null : written(hit.label)))
      const relevant = ranked.filter((one) => one === label).length
      rankings.push({ label, ranked, relevant, candidates: ranked.length })
    })
    return rankings
  }

  /** Searches for every query that can be read. */
  #forEach(
    step: string,
    parameters: SearchParameters,
    take: (query: LabelledImage, found: Found) => void,
  ): Promise<void> {
    return withBar(barOf(step), this.#queries.length, async (bar) => {
      for (const query of this.#queries) {
        const found = await this.#search(query, parameters)
        if (found !== undefined) take(query, found)
        bar.increment()
      }
    })
  }

  /** @returns undefined if the picture cannot be read, which is then left out of the evaluation */
  async #search(query: LabelledImage, parameters: SearchParameters): Promise<Found | undefined> {
    try {
      const bytes = new Uint8Array(await bytesOf(query))
      const started = performance.now()
      const answer = await this.#service.search(this.#gallery, bytes, { ...this.#expansion, ...parameters })
      return { answer, ms: performance.now() - started }
    } catch (error) {
      const { syscall, code } = error as NodeJS.ErrnoException
      if (syscall === undefined && !isProblem(error, ...unreadable)) throw error
      this.#leftOut.set(query.id, `${code}`)
      return undefined
    }
  }
}

const barOf = (step: string) => `${step.padEnd(8)} {bar} {value}/{total}, {eta_formatted} left`

const wholeRanking = (count: number): SearchParameters => ({ k: count, exact: true })

/** The service stores ids and labels in this form. */
function written(text: string): string {
  return text.normalize('NFC')
}
