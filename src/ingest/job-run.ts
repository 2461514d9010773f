/**
 * One job from upload to end: read → decode → embed, several pictures at once; then committed in the order of the
 * source, each group together with the job's position. A killed job resumes after the last committed group, so nothing
 * is done twice or left out.
 */
import { setMaxListeners } from 'node:events'
import { pMapIterable } from 'p-map'
import { AlikeError, hasCode } from '../errors.js'
import type { JobProgress } from '../gallery/job-progress.js'
import { type ImageStep, idOfStep, type StepResult } from '../gallery/records.js'
import type { JobRecord, RunReading } from '../jobs/job.js'
import type { JobControl } from '../jobs/job-runner.js'
import { patiently } from '../jobs/patience.js'
import type { IngestOutcome } from '../metrics/intake.js'
import type { Metrics } from '../metrics/metrics.js'
import { nfc } from '../text.js'
import { batched } from './batched.js'
import { errorLine, ItemOutcomes, type ItemOutcomesOptions, type Outcome } from './item-outcomes.js'
import type { RoomShare } from './shared-room.js'
import type { Source, SourceItem } from './source.js'

export interface JobRunOptions
  extends ItemOutcomesOptions,
    Pick<JobControl, 'trials' | 'giveUp' | 'signal' | 'note' | 'advance' | 'recovered'> {
  metrics: Metrics
  /** Pictures between reading and commit: enough to keep every decoder and model worker busy. */
  concurrency: number
  /** Of the pictures in progress of all running jobs: no job has more than `concurrency`. */
  pictures: RoomShare
  /** Of the bytes of their files in memory. */
  bytes: RoomShare
  /** Maximum size of a picture; a picture behind a URL is assumed to be this large until it has arrived. */
  uploadMaxBytes: number
  /** Position up to which an earlier run may have been counted without hearing of it; default: the job's. */
  triedTo?: number | undefined
}

/** `leave` releases the item's memory. */
interface StartedItem {
  item: SourceItem
  leave(): void
}

/** Pictures per transaction, or however many arrive in this time. */
const commitBatch = { maxSize: 48, maxDelayMs: 250 }
export class JobRun {
  readonly #job: JobRecord
  readonly #source: Source
  readonly #options: JobRunOptions
  readonly #startedAt = performance.now()
  readonly #outcomes: ItemOutcomes
  /** Ends the work on pictures that are not committed any more. */
  readonly #ended = new AbortController()
  #position: number
  #triedTo: number
  #givenUp: number
  #done = 0
  #shareAtStart = 0
  /** New pictures have been refused: before others are read or decoded for nothing, it is asked whether there is room. */
  #wasFull = false
  /** Position after the last removal that was read: there may be room once it is committed. */
  #removesTo = 0

  constructor(job: JobRecord, source: Source, options: JobRunOptions) {
    this.#job = job
    this.#position = job.position
    this.#triedTo = options.triedTo ?? job.position
    this.#givenUp = options.trials.givenUp
    this.#source = source
    this.#options = options
    const signal = AbortSignal.any([options.signal, this.#ended.signal])
    setMaxListeners(0, signal) // one for each picture in progress
    this.#outcomes = new ItemOutcomes(job.gallery, { ...options, signal })
  }

  /** The position after the last committed group. */
  get position(): number {
    return this.#position
  }

  /** The position after the last group whose commit was tried. */
  get triedTo(): number {
    return this.#triedTo
  }

  /** Items skipped because the process had crashed on them, by this run and those before. */
  get givenUp(): number {
    return this.#givenUp
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
   * @throws AlikeError why the job as a whole cannot continue; `serving_changed` if it can, by a run from `position`
   * on; the signal's reason when stopped
   */
  async run(): Promise<number> {
    try {
      return await this.#run()
    } finally {
      this.#ended.abort()
    }
  }

  async #run(): Promise<number> {
    const { concurrency, signal, trials, recovered } = this.#options
    let position = this.#job.position
    const items = this.#started(this.#source.items(position))
    // The process died during this job: items that may have been in progress are retried one by one.
    if (trials.runs > 1) position = await this.#oneByOne(items, position, 2 * (concurrency + commitBatch.maxSize))
    recovered()
    const rest = { [Symbol.asyncIterator]: () => items }
    const outcomes = pMapIterable(rest, ({ item, leave }) => this.#outcomeOf(item).finally(leave), {
      concurrency,
      backpressure: concurrency + commitBatch.maxSize,
    })
    for await (const batch of batched(outcomes as AsyncIterable<Outcome>, commitBatch)) {
      for (const group of groupsOf(batch, this.#triedTo)) {
        signal.throwIfAborted()
        position = group.at(-1)!.index + 1
        await this.#commit(group, position)
      }
    }
    return position
  }

  /**
   * Records each item durably before starting it, and its outcome before starting the next: if the process dies, the
   * next one knows which item was responsible.
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
        this.#givenUp = trials.givenUp
        await note(trials)
        outcome = { index, failed: errorLine({ index, name }, new AlikeError('image_ended_process')) }
      } else {
        const tries = trials.alone?.item === index ? trials.alone.tries : 0
        trials = { ...trials, alone: { item: index, tries: tries + 1 } }
        await note(trials)
        outcome = await this.#outcomeOf(item)
      }
      leave()
      position = index + 1
      await this.#commit([outcome], position)
      trials = { ...trials, runs: 1, alone: null }
    }
    return position
  }

  async #outcomeOf(item: SourceItem): Promise<Outcome> {
    const leave = await this.#options.pictures.take(1)
    const asksForRoom = this.#wasFull && this.#removesTo <= this.#position
    return this.#outcomes.of(item, { asksForRoom }).finally(leave)
  }

  async *#started(items: AsyncIterable<SourceItem>): AsyncGenerator<StartedItem> {
    let first = true
    for await (const item of items) {
      if (first) this.#shareAtStart = this.#source.share
      first = false
      if ('remove' in item) this.#removesTo = item.index + 1
      yield { item, leave: await this.#options.bytes.take(this.#bytesOf(item)) }
    }
  }

  #bytesOf(item: SourceItem): number {
    if ('bytes' in item) return item.bytes.length
    if ('read' in item) return Math.min(item.size, this.#options.uploadMaxBytes)
    return 'url' in item ? this.#options.uploadMaxBytes : 0
  }

  async #commit(batch: Outcome[], position: number): Promise<void> {
    const { metrics, advance, signal } = this.#options
    const changing = batch.flatMap((outcome) => ('step' in outcome ? [outcome] : []))
    const steps = changing.map(({ step }) => step)
    const written = changing.map(({ index, name }) => ({ item: index, name }))
    const errors = batch.flatMap((outcome) => ('failed' in outcome ? [outcome.failed] : []))
    const replaced = batch.flatMap((outcome) =>
      'replaces' in outcome && outcome.replaces !== undefined ? [outcome.replaces] : [],
    )
    const notes = batch.flatMap((outcome) => ('note' in outcome && outcome.note !== undefined ? [outcome.note] : []))
    const namesAssumed = batch.filter(({ isNameAssumed }) => isNameAssumed === true).length
    const skipped = batch.length - steps.length - errors.length
    const from = this.#position
    const { id: jobId, galleryUid } = this.#job
    const counted = { skipped, errors, written, replaced, notes, namesAssumed }
    const progress = { jobId, galleryUid, from, position, ...counted }

    const startedAt = performance.now()
    const write = async () => {
      if (steps.length > 0) return this.#change(steps, progress)
      await advance(progress)
      return []
    }
    this.#triedTo = Math.max(this.#triedTo, position)
    const results = await patiently(write, signal).catch((error: unknown) => {
      this.#ended.abort() // otherwise the run would first wait for the next picture
      throw error
    })

    this.#position = position
    this.#options.trace?.committed(startedAt, batch.length)
    for (const result of results) metrics.countIngested(outcomeOf(result))
    this.#wasFull ||= results.some((result) => 'refused' in result && result.refused === 'gallery_full')
    metrics.countIngested('failed', errors.length)
    metrics.countIngested('skipped', skipped)
    this.#done += batch.length
  }

  /**
   * Pictures embedded while another model began to serve the gallery are embedded again, from what was kept of them.
   */
  async #change(steps: readonly ImageStep[], progress: JobProgress): Promise<StepResult[]> {
    const { parts } = this.#options
    for (let current = [...steps]; ; ) {
      try {
        return await parts.galleries.images.change(this.#job.gallery, current, progress)
      } catch (error) {
        if (!hasCode(error, 'serving_changed')) throw error
      }
      this.#options.signal.throwIfAborted()
      current = await Promise.all(current.map((step) => this.#outcomes.again(step)))
    }
  }
}

/**
 * A group is counted as a whole or not at all, so none holds both items below `triedTo`, which may have been counted, and
 * others. Nor does one change a picture otherwise after patching it: an engine without transactions repeats an interrupted
 * group, and the patch would have another outcome.
 */
function groupsOf(batch: readonly Outcome[], triedTo: number): Outcome[][] {
  const groups: Outcome[][] = []
  let patched = new Set<string>()
  let wasTried: boolean | undefined
  for (const outcome of batch) {
    const isTried = outcome.index < triedTo
    const step = 'step' in outcome ? outcome.step : undefined
    const id = step && nfc(idOfStep(step))
    const isPatch = step !== undefined && 'patch' in step
    if (isTried !== wasTried || (id !== undefined && !isPatch && patched.has(id))) {
      groups.push([])
      patched = new Set()
    }
    groups.at(-1)!.push(outcome)
    if (id !== undefined && isPatch) patched.add(id)
    wasTried = isTried
  }
  return groups
}

function outcomeOf(result: StepResult): IngestOutcome {
  if ('created' in result) return result.created ? 'added' : 'updated'
  if ('patched' in result) return 'updated'
  if ('refused' in result) return 'failed'
  return 'removed' in result ? 'removed' : 'skipped'
}
