/**
 * One job from its upload to its end: read → decode → embed, several at once; then committed in the
 * order of the source, each group together with how far the job has come. What was killed goes on
 * behind the last committed group, so nothing is done twice and nothing is left out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pMapIterable } from 'p-map'
import { AlikeError, type ErrorCode } from '../errors.js'
import type { JobError, JobRecord } from '../gallery/jobs.js'
import type { ImageStep, StepResult } from '../gallery/records.js'
import type { IngestOutcome, Metrics } from '../metrics.js'
import { batched } from './batched.js'
import { ByteRoom } from './byte-room.js'
import { takeIn, type IntakeParts } from './new-image.js'
import type { RunReading } from './pace.js'
import type { Source, SourceItem } from './source.js'

export interface JobRunOptions {
  parts: IntakeParts
  metrics: Metrics
  /** Pictures between reading and commit: enough to keep every decoder and network worker busy. */
  concurrency: number
  /** Aborted to stop the run where it is; the job's state is not touched. */
  signal: AbortSignal
}

/** What became of one item. */
type Outcome = { index: number } & ({ step: ImageStep } | { failed: JobError })

/** One transaction holds so many pictures, or what has come in this time. */
const commitBatch = { maxSize: 48, maxDelayMs: 250 }
/** Picture files of one job in memory at once; a single one may be larger. */
const underWayMaxBytes = 64 * 2 ** 20
/** So many pictures in a row that fail for no reason of theirs: the fault is ours, the job ends. */
const ownFaultsMax = 20

export class JobRun {
  readonly #job: JobRecord
  readonly #source: Source
  readonly #options: JobRunOptions
  readonly #startedAt = performance.now()
  readonly #room = new ByteRoom(underWayMaxBytes)
  #done = 0
  #ownFaults = 0
  #shareAtStart = 0

  constructor(job: JobRecord, source: Source, options: JobRunOptions) {
    this.#job = job
    this.#source = source
    this.#options = options
  }

  reading(): RunReading {
    return { elapsedMs: performance.now() - this.#startedAt, doneInThisRun: this.#done, shareAtStart: this.#shareAtStart, share: this.#source.share }
  }

  /**
   * @returns the number of items in the source
   * @throws AlikeError why the job as a whole can not go on; the signal's reason when stopped
   */
  async run(): Promise<number> {
    const { concurrency, signal } = this.#options
    let position = this.#job.position
    const items = this.#started(this.#source.items(position))
    const outcomes = pMapIterable(items, ({ item, leave }) => this.#outcome(item).finally(leave), { concurrency, backpressure: concurrency + commitBatch.maxSize })
    for await (const batch of batched(outcomes as AsyncIterable<Outcome>, commitBatch)) {
      signal.throwIfAborted()
      position = batch.at(-1)!.index + 1
      await this.#commit(batch, position)
    }
    return position
  }

  async *#started(items: AsyncIterable<SourceItem>): AsyncGenerator<{ item: SourceItem; leave(): void }> {
    let first = true
    for await (const item of items) {
      if (first) this.#shareAtStart = this.#source.share
      first = false
      yield { item, leave: await this.#room.take('bytes' in item ? item.bytes.length : 0) }
    }
  }

  async #outcome(item: SourceItem): Promise<Outcome> {
    const { index, name } = item
    if ('error' in item) return { index, failed: errorLine(item, item.error) }
    if ('remove' in item) return { index, step: { remove: item.remove } }
    try {
      const { id, label, metadata } = item
      const bytes = 'url' in item ? await this.#options.parts.remote.fetch(item.url, this.#options.signal) : item.bytes
      const step = await this.#patiently((signal) => takeIn(this.#job.gallery, { id, bytes, label, metadata }, this.#options.parts, { signal, priority: 'bulk' }))
      this.#ownFaults = 0
      return { index, step }
    } catch (error) {
      if (!(error instanceof AlikeError)) throw error
      if (error.code === 'internal' && ++this.#ownFaults > ownFaultsMax) throw error
      if (error.code !== 'internal' && !isAboutPicture(error.code)) throw error
      return { index, failed: errorLine({ index, name }, error) }
    }
  }

  async #commit(batch: Outcome[], position: number): Promise<void> {
    const { parts: { galleries }, metrics } = this.#options
    const steps = batch.flatMap((outcome) => ('step' in outcome ? [outcome.step] : []))
    const errors = batch.flatMap((outcome) => ('failed' in outcome ? [outcome.failed] : []))
    const progress = { jobId: this.#job.id, position, errors }

    const results = await this.#patiently(async () => {
      if (steps.length > 0) return galleries.change(this.#job.gallery, steps, progress)
      await galleries.jobs.advance(progress)
      return []
    })

    for (const result of results) metrics.countIngested(outcomeOf(result))
    metrics.countIngested('failed', errors.length)
    this.#done += batch.length
  }

  /** A job can wait where a caller would be refused. */
  async #patiently<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { signal } = this.#options
    for (;;) {
      signal.throwIfAborted()
      try {
        return await work(signal)
      } catch (error) {
        if (!(error instanceof AlikeError) || error.code !== 'overloaded') throw error
        await sleep(Math.min(error.retryAfterSeconds ?? 1, 5) * 1000, undefined, { signal })
      }
    }
  }
}

function isAboutPicture(code: ErrorCode): boolean {
  return code.startsWith('image_') || code.startsWith('url_')
}

function outcomeOf(result: StepResult): IngestOutcome {
  if ('slot' in result) return result.created ? 'added' : 'updated'
  return 'removedSlot' in result ? 'removed' : 'skipped'
}

function errorLine({ index, name }: { index: number; name: string }, error: AlikeError): JobError {
  return { item: index, name, code: error.code, detail: error.message }
}
