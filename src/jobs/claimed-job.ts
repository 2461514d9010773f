/** A job claimed by this process: started, run, and stored with its outcome. */
import { setMaxListeners } from 'node:events'
import { AlikeError, hasCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import { activeJobStates, hasResult, type JobKind, type JobRecord, type RunReading } from './job.js'
import { announceEnd, failureBy, failureOf, type JobEndOptions } from './job-end.js'
import type { JobControl, JobRunner, RunEnd } from './job-runner.js'
import type { JobStore, JobTransition } from './job-store.js'
import { onceTaken, patiently } from './patience.js'
import { renewing } from './renewing.js'
import { nextTrial } from './trials.js'

export interface ClaimedJobOptions extends JobEndOptions {
  store: JobStore
  galleries: Galleries
  runner: JobRunner
  /** This process has started it before: recorded runs do not mean that an earlier process crashed. */
  begunHere: boolean
  /** Where it last found a disk full here: if it gets no further, this is not logged again. */
  noRoomAt: number | undefined
}

/**
 * Outcome of the run. `waits`: it was stopped, to be resumed. `unstored`: it failed, and that could not be stored
 * because the store is unavailable; the job is unchanged. `noRoom`: it was put back, because a disk is full.
 */
export type ClaimedEnd = 'ended' | 'waits' | 'stopped' | 'lost' | 'unstored' | 'noRoom'
/** `lost`: another process has the job. `rested`: to be claimed again. */
type StopReason = 'cancelled' | 'paused' | 'rested' | 'lost' | 'closing'

export class ClaimedJob {
  readonly id: string
  readonly kind: JobKind
  /** Resolves once the run has got past what the process may have crashed on, or has ended. */
  readonly recovered: Promise<void>
  readonly #job: JobRecord
  readonly #options: ClaimedJobOptions
  readonly #stop = new AbortController()
  #reading: (() => RunReading) | undefined
  #stoppedFor: StopReason | undefined
  #hasBegun = false
  #foundNoRoom = false
  #endWaits = false
  #setRecovered = (): void => {}

  constructor(job: JobRecord, options: ClaimedJobOptions) {
    this.id = job.id
    this.kind = job.kind
    this.#job = job
    this.#options = options
    setMaxListeners(0, this.#stop.signal) // one for each picture in progress
    this.recovered = new Promise((resolve) => {
      this.#setRecovered = resolve
    })
  }

  /** Progress of the run; undefined before it has reported any. */
  get reading(): RunReading | undefined {
    return this.#reading?.()
  }

  /** From now on, a crash of the process is recorded against this job. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** The run ended because a disk is full. */
  get foundNoRoom(): boolean {
    return this.#foundNoRoom
  }

  /** It found a disk full, now or when it last ran here, and has got no further since. */
  get waitsForRoom(): boolean {
    const isFurther = !hasResult(this.kind) && (this.reading?.doneInThisRun ?? 0) > 0 // an analysis begins anew
    const isTrying = this.#options.noRoomAt !== undefined && !isFurther
    return isTrying || this.#foundNoRoom || this.#endWaits
  }

  /** Idempotent: the first reason counts. `run` resolves once the run has come to an end. */
  stop(reason: StopReason): void {
    this.#stoppedFor ??= reason
    this.#stop.abort()
  }

  /** Call it once. */
  async run(): Promise<ClaimedEnd> {
    const { store, logger } = this.#options
    const renewal = store.lease && renewing(this, { store, logger, ...store.lease })
    try {
      return await this.#runToEnd()
    } finally {
      renewal?.end()
      this.#setRecovered()
    }
  }

  async #runToEnd(): Promise<ClaimedEnd> {
    const { logger, galleries } = this.#options
    try {
      announceEnd(await this.#runOnce(), this.#options)
    } catch (error) {
      if (this.#stoppedFor === 'closing') return 'stopped'
      if (this.#stoppedFor === 'lost' || hasCode(error, 'job_taken_over')) return this.#dropped()
      if (galleries.failure !== undefined) {
        logger.error({ err: error, jobId: this.id }, 'job stopped: its storage is gone')
        return 'stopped'
      }
      if (this.#stoppedFor === undefined && isOfStore(error)) {
        // the job itself is fine, and its end may have been stored
        logger.warn({ err: error, jobId: this.id }, 'job suspended: the shared store is unavailable')
        return 'unstored'
      }
      if (this.#stoppedFor === undefined && hasCode(error, 'storage_full')) return this.#makeWay(error)
      if (this.#stoppedFor === undefined && !(await this.#fail(error))) return 'unstored'
    }
    const waits = this.#stoppedFor === 'paused' || this.#stoppedFor === 'rested'
    return waits && (await this.#rest()) ? 'waits' : 'ended'
  }

  async #runOnce(): Promise<JobRecord> {
    const { store, galleries } = this.#options
    const { id, gallery, galleryUid } = this.#job
    const { trials, giveUp, deaths } = await this.#begin()
    if (deaths === 0) this.#setRecovered()
    // A gallery that was deleted and recreated under the same name is a different one.
    if ((await galleries.sets.serving(gallery)).galleryUid !== galleryUid) throw new AlikeError('gallery_not_found')
    this.#stop.signal.throwIfAborted() // a run that begins after the abort would not notice it
    const { total, result } = await this.#runPatiently({
      signal: this.#stop.signal,
      trials,
      giveUp,
      expect: async (expected) => void (await this.#transition({ from: ['running'], to: 'running', total: expected })),
      note: (noted) => onceTaken(() => store.note(id, noted)),
      advance: (progress) => onceTaken(() => store.advance(progress)),
      report: (reading) => void (this.#reading = reading),
      recovered: () => this.#setRecovered(),
    })
    return this.#ended(() => (result === undefined ? store.complete(id, total) : store.finish(id, { total, result })))
  }

  /** If an engine is unreachable, the run begins again from what it has stored, until it is not. */
  #runPatiently(control: JobControl): Promise<RunEnd> {
    const { store, runner, logger } = this.#options
    let job = this.#job
    const run = async () => {
      try {
        return await runner.run(job, control)
      } catch (error) {
        if (!hasCode(error, 'engine_unreachable')) throw error
        if (job === this.#job) logger.warn({ err: error, jobId: this.id }, 'job waits: an engine is unreachable')
        job = (await store.get(this.id)) ?? job
        throw error
      }
    }
    return patiently(run, control.signal, ['engine_unreachable'])
  }

  /** @throws AlikeError `job_interrupted` if the process has crashed during the job too often, `job_finished` */
  async #begin() {
    const { runner, logger, begunHere } = this.#options
    const { id, kind } = this.#job
    const trial = nextTrial(this.#job, { begunHere, deathsMax: runner.deathsMax })
    const { deaths, giveUp, trials } = trial
    if (deaths > 0) logger.error({ jobId: id, kind, deaths, giveUp }, 'the process died during this job; retrying it')
    this.#hasBegun = true
    const { paused } = await this.#transition({
      from: activeJobStates,
      to: 'running',
      trials,
      failure: deaths > 0 ? failureOf(new AlikeError('job_interrupted')) : undefined,
    })
    if (paused) this.stop('paused') // it was paused just before it was claimed
    return trial
  }

  /** Waits for room on the disk until the job is stopped: its work is done, and an analysis would begin anew. */
  async #ended(end: () => Promise<JobRecord>): Promise<JobRecord> {
    try {
      return await onceTaken(end)
    } catch (error) {
      if (!hasCode(error, 'storage_full')) throw error
      this.#options.logger.warn({ err: error, jobId: this.id }, 'the end of a job waits for room on the disk')
      this.#endWaits = true
      return await patiently(end, this.#stop.signal, ['overloaded', 'storage_full'])
    } finally {
      this.#endWaits = false
    }
  }

  /** Puts it back: there may be room later, or on the disk of another process. */
  async #makeWay(cause: AlikeError): Promise<ClaimedEnd> {
    const { logger, noRoomAt } = this.#options
    const isKnown = noRoomAt === this.#job.position
    this.#foundNoRoom = true
    if (!isKnown) logger.warn({ err: cause, jobId: this.id }, 'job put back: a disk is full')
    try {
      return (await this.#rest(failureOf(cause))) ? 'noRoom' : 'ended'
    } catch (unstored) {
      if (hasCode(unstored, 'job_taken_over')) return this.#dropped()
      if (!isKnown)
        logger.error({ err: unstored, jobId: this.id }, 'the state of a job that waits for room could not be stored')
      return 'unstored'
    }
  }

  #dropped(): ClaimedEnd {
    this.#foundNoRoom = false
    this.#options.logger.warn({ jobId: this.id }, 'job dropped: another process has taken it over')
    return 'lost'
  }

  /** @returns false if that could not be stored */
  async #fail(cause: unknown): Promise<boolean> {
    const { logger } = this.#options
    const failure = failureBy(cause, this.id, logger)
    try {
      announceEnd(await this.#transition({ from: activeJobStates, to: 'failed', failure }), this.#options)
      return true
    } catch (unstored) {
      if (hasCode(unstored, 'job_finished')) return true // cancelled in the meantime
      logger.error({ err: unstored, jobId: this.id }, 'the failure of a job could not be stored')
      return false
    }
  }

  /**
   * @param failure why it waits
   * @returns false if it ended just before it was stopped, or is cancelled
   */
  async #rest(failure?: JobTransition['failure']): Promise<boolean> {
    const job = await this.#options.store.get(this.id)
    if (job === undefined || job.finishedAt !== null) return false
    // it may be waiting already: this run took so long to stop that another process was given the job, and put it back
    if (job.state === 'running')
      try {
        await this.#transition({ from: ['running'], to: 'queued', failure })
      } catch (error) {
        if (hasCode(error, 'job_finished')) return this.#rest(failure) // it was cancelled, or put back, in this moment
        throw error
      }
    return true
  }

  #transition(transition: JobTransition): Promise<JobRecord> {
    return onceTaken(() => this.#options.store.transition(this.id, transition))
  }
}

/** Whether the shared store failed, rather than the job. */
function isOfStore(error: unknown): boolean {
  return hasCode(error, 'store_unreachable', 'store_outcome_unknown')
}
