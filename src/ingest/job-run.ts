/**
 * One job from its upload to its end: read → decode → embed, several at once; then committed in the
 * order of the source, each group together with how far the job has come. What was killed goes on
 * behind the last committed group, so nothing is done twice and nothing is left out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pMapIterable } from 'p-map'
import { AlikeError, type ErrorCode } from '../errors.js'
import type { JobError, JobProgress } from '../gallery/job-progress.js'
import type { ImageStep, PutStep, StepResult } from '../gallery/records.js'
import type { JobRecord, RunReading } from '../jobs/job.js'
import type { JobControl } from '../jobs/job-runner.js'
import type { IngestOutcome } from '../metrics/intake.js'
import type { Metrics } from '../metrics/metrics.js'
import { readOriginal } from '../originals/image-originals.js'
import { batched } from './batched.js'
import { ByteRoom } from './byte-room.js'
import type { JobTrace } from './job-trace.js'
import { type IncomingImage, type IntakeParts, type StageDurations, takeIn } from './new-image.js'
import type { PictureItem, Source, SourceItem } from './source.js'

export interface JobRunOptions extends Pick<JobControl, 'trials' | 'giveUp' | 'signal' | 'note' | 'advance'> {
  parts: IntakeParts
  metrics: Metrics
  /** Pictures between reading and commit: enough to keep every decoder and model worker busy. */
  concurrency: number
  /** Of one picture; a picture behind a URL is taken for as large until it is here. */
  uploadMaxBytes: number
  /** Left out: nothing is traced. */
  trace?: JobTrace | undefined
}

/** What became of one item. */
type Outcome = { index: number; isNameAssumed?: boolean | undefined } & (
  | { step: ImageStep; replaces?: JobError | undefined }
  | { skipped: true; note?: JobError | undefined }
  | { failed: JobError }
)

/** `leave` gives back the room that it has in memory. */
interface StartedItem {
  item: SourceItem
  leave(): void
}

/** One transaction holds so many pictures, or what has come in this time. */
const commitBatch = { maxSize: 48, maxDelayMs: 250 }
/** Picture files of one job in memory at once; a single one may be larger. */
const underWayMaxBytes = 128 * 2 ** 20
/** So many pictures in a row that fail for no reason of theirs: the fault is ours, the job ends. */
const ownFaultsMax = 20
/** Of a picture by URL whose host says that it is busy, or does not answer. */
const fetchAttemptsMax = 3
const fetchPauseMaxSeconds = 30

export class JobRun {
  readonly #job: JobRecord
  readonly #source: Source
  readonly #options: JobRunOptions
  readonly #startedAt = performance.now()
  readonly #room = new ByteRoom(underWayMaxBytes)
  #position: number
  #done = 0
  #ownFaults = 0
  #shareAtStart = 0

  constructor(job: JobRecord, source: Source, options: JobRunOptions) {
    this.#job = job
    this.#position = job.position
    this.#source = source
    this.#options = options
  }

  /** Behind the last committed group. */
  get position(): number {
    return this.#position
  }

  reading(): RunReading {
    return {
      elapsedMs: performance.now() - this.#startedAt,
      doneInThisRun: this.#done,
      shareAtStart: this.#shareAtStart,
      share: this.#source.share,
    }
  }

  /**
   * @returns the number of items in the source
   * @throws AlikeError why the job as a whole cannot go on; `serving_changed`: it can, by a run from `position` on; the
   * signal's reason when stopped
   */
  async run(): Promise<number> {
    const { concurrency, signal, trials } = this.#options
    let position = this.#job.position
    const items = this.#started(this.#source.items(position))
    // The process died over the job: what may have been at work then is tried again, one after the other.
    if (trials.runs > 1) position = await this.#oneByOne(items, position, 2 * (concurrency + commitBatch.maxSize))
    const rest = { [Symbol.asyncIterator]: () => items }
    const outcomes = pMapIterable(rest, ({ item, leave }) => this.#outcome(item).finally(leave), {
      concurrency,
      backpressure: concurrency + commitBatch.maxSize,
    })
    for await (const batch of batched(outcomes as AsyncIterable<Outcome>, commitBatch)) {
      signal.throwIfAborted()
      position = batch.at(-1)!.index + 1
      await this.#commit(batch, position)
    }
    return position
  }

  /**
   * Which item is at work is on the disk before it is, and its outcome before the next is begun: an item over which the
   * process dies is known to the next process.
   */
  async #oneByOne(items: AsyncIterator<StartedItem>, from: number, count: number): Promise<number> {
    const { note, giveUp, signal } = this.#options
    let { trials } = this.#options
    let position = from
    while (position < from + count) {
      signal.throwIfAborted()
      const next = await items.next()
      if (next.done === true) break
      const { item, leave } = next.value
      const { index, name } = item
      let outcome: Outcome
      if (index === giveUp) {
        trials = { ...trials, givenUp: trials.givenUp + 1 }
        await note(trials)
        outcome = { index, failed: errorLine({ index, name }, new AlikeError('image_ended_process')) }
      } else {
        const tries = trials.alone?.item === index ? trials.alone.tries : 0
        trials = { ...trials, alone: { item: index, tries: tries + 1 } }
        await note(trials)
        outcome = await this.#outcome(item)
      }
      leave()
      position = index + 1
      await this.#commit([outcome], position)
      trials = { ...trials, runs: 1, alone: null }
    }
    return position
  }

  async *#started(items: AsyncIterable<SourceItem>): AsyncGenerator<StartedItem> {
    let first = true
    for await (const item of items) {
      if (first) this.#shareAtStart = this.#source.share
      first = false
      yield { item, leave: await this.#room.take(this.#bytesOf(item)) }
    }
  }

  #bytesOf(item: SourceItem): number {
    if ('bytes' in item) return item.bytes.length
    if ('read' in item) return Math.min(item.size, this.#options.uploadMaxBytes)
    return 'url' in item ? this.#options.uploadMaxBytes : 0
  }

  async #outcome(item: SourceItem): Promise<Outcome> {
    const { index, name, isNameAssumed } = item
    if ('skipped' in item) return { index, skipped: true, note: item.note && errorLine(item, item.note) }
    if ('error' in item) return { index, failed: errorLine(item, item.error) }
    if ('remove' in item) return { index, step: { remove: item.remove } }
    try {
      const { id, label, metadata, reference } = item
      const origin = item.origin ?? ('url' in item ? item.url : undefined)
      const bytes = await this.#bytesHere(item)
      if (bytes === undefined) return { index, skipped: true }
      const step = await this.#patiently(
        (signal) => this.#takeIn({ id, bytes, label, metadata, reference, origin }, signal),
        ['overloaded', 'store_unreachable', 'engine_unreachable', 'storage_full'], // of the original; what becomes of the job without room for records is decided by its writes
      )
      this.#ownFaults = 0
      return { index, step, isNameAssumed, replaces: item.repeats === true ? replacementLine(item) : undefined }
    } catch (error) {
      if (!(error instanceof AlikeError)) throw error
      if (error.code === 'internal' && ++this.#ownFaults > ownFaultsMax) throw error
      if (error.code !== 'internal' && !isAboutImage(error.code)) throw error
      return { index, failed: errorLine({ index, name }, error) }
    }
  }

  #takeIn(image: IncomingImage, signal: AbortSignal): Promise<PutStep> {
    const { parts, trace } = this.#options
    const startedAt = performance.now()
    const onEmbedded = trace && ((stages: StageDurations) => trace.embedded(startedAt, stages))
    return takeIn(this.#job.gallery, image, parts, { signal, purpose: 'job', onEmbedded })
  }

  async #bytesHere(item: PictureItem): Promise<Buffer | undefined> {
    const { signal, parts } = this.#options
    if ('bytes' in item) return item.bytes
    if ('read' in item) return item.read(signal)
    for (let attempt = 1; ; attempt++) {
      try {
        return await parts.remote.fetch(item.url, signal)
      } catch (error) {
        const pause = error instanceof AlikeError ? error.retryAfterSeconds : undefined
        if (pause === undefined || attempt === fetchAttemptsMax) throw error
        await sleep(Math.min(pause, fetchPauseMaxSeconds) * 1000, undefined, { signal })
      }
    }
  }

  async #commit(batch: Outcome[], position: number): Promise<void> {
    const { metrics, advance } = this.#options
    const steps = batch.flatMap((outcome) => ('step' in outcome ? [outcome.step] : []))
    const errors = batch.flatMap((outcome) => ('failed' in outcome ? [outcome.failed] : []))
    const replaced = batch.flatMap((outcome) =>
      'replaces' in outcome && outcome.replaces !== undefined ? [outcome.replaces] : [],
    )
    const notes = batch.flatMap((outcome) => ('note' in outcome && outcome.note !== undefined ? [outcome.note] : []))
    const namesAssumed = batch.filter(({ isNameAssumed }) => isNameAssumed === true).length
    const skipped = batch.length - steps.length - errors.length
    const progress = { jobId: this.#job.id, position, skipped, errors, replaced, notes, namesAssumed }

    const startedAt = performance.now()
    const results = await this.#patiently(async () => {
      if (steps.length > 0) return this.#change(steps, progress)
      await advance(progress)
      return []
    })

    this.#position = position
    this.#options.trace?.committed(startedAt, batch.length)
    for (const result of results) metrics.countIngested(outcomeOf(result))
    metrics.countIngested('failed', errors.length)
    metrics.countIngested('skipped', skipped)
    this.#done += batch.length
  }

  /** What was embedded while another model began to serve the gallery is embedded again, from what was kept of it. */
  async #change(steps: readonly ImageStep[], progress: JobProgress): Promise<StepResult[]> {
    const { parts } = this.#options
    for (let current = [...steps]; ; ) {
      try {
        return await parts.galleries.images.change(this.#job.gallery, current, progress)
      } catch (error) {
        if (!isServingChanged(error)) throw error
      }
      this.#options.signal.throwIfAborted()
      current = await Promise.all(current.map((step) => this.#takenAgain(step)))
    }
  }

  /** @throws AlikeError `serving_changed` for a picture that was not kept: it has to be read again; and as `takeIn` */
  async #takenAgain(step: ImageStep): Promise<ImageStep> {
    if (!('put' in step)) return step
    const { parts, signal: stop } = this.#options
    const { id, label, metadata, contentHash, reference } = step.put
    const kept = { contentHash, reference, isHeld: true }
    const bytes = await readOriginal(parts, kept, { signal: stop, attempts: fetchAttemptsMax })
    if (bytes === undefined) throw new AlikeError('serving_changed')
    return this.#patiently((signal) => this.#takeIn({ id, label, metadata, bytes, origin: reference }, signal))
  }

  /** A job can wait where a caller would be refused. */
  async #patiently<Result>(
    work: (signal: AbortSignal) => Promise<Result>,
    waitsOut: readonly ErrorCode[] = ['overloaded', 'store_unreachable', 'engine_unreachable'],
  ): Promise<Result> {
    const { signal } = this.#options
    for (;;) {
      signal.throwIfAborted()
      try {
        return await work(signal)
      } catch (error) {
        if (!(error instanceof AlikeError) || !waitsOut.includes(error.code)) throw error
        await sleep(Math.min(error.retryAfterSeconds ?? 1, 5) * 1000, undefined, { signal })
      }
    }
  }
}

export function isServingChanged(error: unknown): boolean {
  return error instanceof AlikeError && error.code === 'serving_changed'
}

function isAboutImage(code: ErrorCode): boolean {
  return (
    code.startsWith('image_') ||
    code.startsWith('url_') ||
    code === 'reference_invalid' ||
    code === 'source_unreadable' ||
    code === 'source_not_allowed'
  )
}

function outcomeOf(result: StepResult): IngestOutcome {
  if ('created' in result) return result.created ? 'added' : 'updated'
  return 'removed' in result ? 'removed' : 'skipped'
}

function replacementLine({ index, name, id }: { index: number; name: string; id: string }): JobError {
  return errorLine(
    { index, name },
    new AlikeError('id_repeated', {
      detail: `It replaced an earlier picture of this upload with the id ${JSON.stringify(id)}.`,
    }),
  )
}

function errorLine({ index, name }: { index: number; name: string }, error: AlikeError): JobError {
  return { item: index, name, code: error.code, detail: error.message }
}
