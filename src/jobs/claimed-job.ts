/** A job that this process has claimed: begun, run, and stored as what became of it. */
import { setMaxListeners } from 'node:events'
import { AlikeError, type ErrorCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import { activeJobStates, type JobRecord, type JobState, type RunReading } from './job.js'
import { failureBy, failureOf, type JobEndOptions, tellEnd } from './job-end.js'
import type { JobRunner } from './job-runner.js'
import type { JobStore } from './job-store.js'
import { renewing } from './renewing.js'
import { nextTrial } from './trials.js'

export interface ClaimedJobOptions extends JobEndOptions {
  store: JobStore
  galleries: Galleries
  runner: JobRunner
  /** This process has begun it before: what is noted of its runs is no death of a former one. */
  begunHere: boolean
}

/** What became of the run. `waits`: it was stopped to be gone on with. `unstored`: it failed, and that could not be stored, or of a store that does not answer; the job is as it was. */
export type ClaimedEnd = 'ended' | 'waits' | 'stopped' | 'lost' | 'unstored'
/** `lost`: another process has the job. `rested`: to be claimed anew. */
type StopReason = 'cancelled' | 'paused' | 'rested' | 'lost' | 'closing'

const active: JobState[] = [...activeJobStates]

export class ClaimedJob {
  readonly id: string
  readonly #job: JobRecord
  readonly #options: ClaimedJobOptions
  readonly #stop = new AbortController()
  #reading: (() => RunReading) | undefined
  #stoppedFor: StopReason | undefined
  #hasBegun = false

  constructor(job: JobRecord, options: ClaimedJobOptions) {
    this.id = job.id
    this.#job = job
    this.#options = options
    setMaxListeners(0, this.#stop.signal) // one for each picture under way
  }

  /** How far the run is; undefined before it has said. */
  get reading(): RunReading | undefined {
    return this.#reading?.()
  }

  /** A death of the process from now on is noted as one over this job. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Where it is. */
  stop(reason: StopReason): void {
    this.#stoppedFor ??= reason
    this.#stop.abort()
  }

  /** Once. Resolves when nothing of it is at work any more. */
  async run(): Promise<ClaimedEnd> {
    const { store, logger } = this.#options
    const renewal = store.lease && renewing(this, { store, logger, ...store.lease })
    try {
      return await this.#runToEnd()
    } finally {
      renewal?.end()
    }
  }

  async #runToEnd(): Promise<ClaimedEnd> {
    const { logger, galleries } = this.#options
    try {
      tellEnd(await this.#runOnce(), this.#options)
    } catch (error) {
      if (this.#stoppedFor === 'closing') return 'stopped'
      if (this.#stoppedFor === 'lost' || hasCode(error, 'job_taken_over')) {
        logger.warn({ jobId: this.id }, 'job left to another process, which has taken it over')
        return 'lost'
      }
      if (galleries.failure !== undefined) {
        logger.error({ err: error, jobId: this.id }, 'job stopped: its storage is gone')
        return 'stopped'
      }
      if (this.#stoppedFor === undefined && isOfStore(error)) {
        // nothing is wrong with the job, and perhaps its end was stored
        logger.warn({ err: error, jobId: this.id }, 'job left for now: the store that it shares does not answer')
        return 'unstored'
      }
      if (this.#stoppedFor === undefined && !(await this.#fail(error))) return 'unstored'
    }
    const waits = this.#stoppedFor === 'paused' || this.#stoppedFor === 'rested'
    return waits && (await this.#rest()) ? 'waits' : 'ended'
  }

  async #runOnce(): Promise<JobRecord> {
    const { store, galleries, runner } = this.#options
    const { id, gallery, galleryUid } = this.#job
    const { trials, giveUp } = await this.#begin()
    // A gallery that was deleted and made anew under the same name is another one.
    if ((await galleries.sets.serving(gallery)).galleryUid !== galleryUid) throw new AlikeError('gallery_not_found')
    this.#stop.signal.throwIfAborted() // a run that begins after it would not hear of it
    const { total, result } = await runner.run(this.#job, {
      signal: this.#stop.signal,
      trials,
      giveUp,
      expect: async (expected) =>
        void (await store.transition(id, { from: ['running'], to: 'running', total: expected })),
      note: (noted) => store.note(id, noted),
      advance: (progress) => store.advance(progress),
      tell: (reading) => void (this.#reading = reading),
    })
    return result === undefined ? store.complete(id, total) : store.finish(id, { total, result })
  }

  /** @throws AlikeError `job_interrupted` when the process has died over the job too often, `job_finished` */
  async #begin() {
    const { store, runner, logger, begunHere } = this.#options
    const { id, kind } = this.#job
    const trial = nextTrial(this.#job, { begunHere, deathsMax: runner.deathsMax })
    const { deaths, giveUp, trials } = trial
    if (deaths > 0)
      logger.error({ jobId: id, kind, deaths, giveUp }, 'the process died over this job; it is tried again')
    this.#hasBegun = true
    const { paused } = await store.transition(id, {
      from: active,
      to: 'running',
      trials,
      failure: deaths > 0 ? failureOf(new AlikeError('job_interrupted')) : undefined,
    })
    if (paused) this.stop('paused') // just before it was claimed
    return trial
  }

  /** @returns false when that could not be stored */
  async #fail(cause: unknown): Promise<boolean> {
    const { store, logger } = this.#options
    const failure = failureBy(cause, this.id, logger)
    try {
      tellEnd(await store.transition(this.id, { from: active, to: 'failed', failure }), this.#options)
      return true
    } catch (unstored) {
      if (unstored instanceof AlikeError && unstored.code === 'job_finished') return true // cancelled meanwhile
      logger.error({ err: unstored, jobId: this.id }, 'the failure of a job could not be stored')
      return false
    }
  }

  /** @returns false when it has ended all the same, just before it was stopped */
  async #rest(): Promise<boolean> {
    const { store } = this.#options
    if ((await store.get(this.id))?.state !== 'running') return false
    await store.transition(this.id, { from: ['running'], to: 'queued' })
    return true
  }
}

/** Of the one that processes share, not of the job. */
function isOfStore(error: unknown): boolean {
  return hasCode(error, 'store_unreachable') || hasCode(error, 'store_outcome_unknown')
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof AlikeError && error.code === code
}
