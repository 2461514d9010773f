/** The jobs of one runner: one at a time, in the order of their coming, each from its beginning to its end. */
import { setMaxListeners } from 'node:events'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import {
  activeJobStates,
  type JobRecord,
  type JobState,
  type JobSteering,
  type JobStore,
  type NewJob,
} from '../gallery/jobs.js'
import type { JobRunner } from './job-runner.js'
import type { RunReading } from './pace.js'
import { nextTrial } from './trials.js'

/** What is used of pino. */
export interface JobLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface LaneOptions {
  galleries: Galleries
  /** Ended jobs are kept so long. */
  jobsKeptDays: number
  logger: JobLogger
  /** Told of each job that has ended, for a metric. */
  onEnd?: ((job: JobRecord) => void) | undefined
}

interface CurrentJob {
  id: string
  stop: AbortController
  /** It was stopped to be gone on with later. */
  isPaused: boolean
  reading?: () => RunReading
  /** Resolves when nothing of it is at work any more. */
  ended: Promise<void>
}

const active: JobState[] = [...activeJobStates]
const dayMs = 86_400_000
/** After a job could neither go on nor be stored as failed. */
const retryMs = 10_000
/** Failures that are ours: their causes belong into the log as errors. */
const ownFailures: readonly string[] = ['internal', 'storage_full', 'data_unreadable', 'job_interrupted']

export class Lane {
  readonly #runner: JobRunner
  readonly #options: LaneOptions
  readonly #jobs: JobStore
  /** Jobs that this process has begun: what is noted of their runs is no death of a former one. */
  readonly #begun = new Set<string>()
  /** Jobs being stored. */
  #creating = 0
  #current: CurrentJob | undefined
  #retry: NodeJS.Timeout | undefined
  #closing = false

  constructor(runner: JobRunner, options: LaneOptions) {
    this.#runner = runner
    this.#options = options
    this.#jobs = options.galleries.jobs
  }

  get hasRoom(): boolean {
    const { kinds, jobsMax } = this.#runner
    return this.#jobs.count({ kinds, states: active }) + this.#creating < jobsMax
  }

  async resume(): Promise<void> {
    const left = this.#jobs.list({ kinds: this.#runner.kinds, states: active, limit: 100_000 })
    await this.#runner.resume?.(new Set(left.map(({ id }) => id)))
    await this.#forgetOld()
    this.#startNext()
  }

  async create(job: NewJob): Promise<{ job: JobRecord; created: boolean }> {
    this.#creating += 1
    try {
      return await this.#jobs.create(job)
    } finally {
      this.#creating -= 1
      this.#startNext()
    }
  }

  /** Of the job that runs. */
  readingOf(jobId: string): RunReading | undefined {
    return this.#current?.id === jobId ? this.#current.reading?.() : undefined
  }

  async cancel(jobId: string): Promise<JobRecord> {
    // The state is durable first: a run that is still at work can commit nothing after it.
    const job = await this.#jobs.transition(jobId, { from: active, to: 'cancelled' })
    this.#tellEnd(job)
    if (this.#current?.id === jobId) {
      this.#current.stop.abort()
      await this.#current.ended
    } else {
      await this.#runner.discard?.(jobId)
    }
    return job
  }

  /** A job that runs and is paused stops where it is; the next one begins. @throws AlikeError `job_not_found`, `job_finished` */
  async steer(jobId: string, steering: JobSteering): Promise<JobRecord> {
    const job = await this.#jobs.steer(jobId, steering)
    const current = this.#current
    if (steering.paused === true && current?.id === jobId) {
      current.isPaused = true
      current.stop.abort()
      await current.ended
    }
    this.#startNext()
    return this.#jobs.get(jobId) ?? job
  }

  async close(crashed: boolean): Promise<void> {
    this.#closing = true
    clearTimeout(this.#retry)
    this.#current?.stop.abort()
    await this.#current?.ended
    if (!crashed && this.#options.galleries.failure === undefined) await this.#rest()
  }

  /** A job that waits was stopped in peace. One that is left as running only makes the next process go more carefully. */
  async #rest(): Promise<void> {
    try {
      for (const { id } of this.#jobs.list({ kinds: this.#runner.kinds, states: ['running'] }))
        await this.#jobs.transition(id, { from: ['running'], to: 'queued' })
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the rest of a job could not be stored')
    }
  }

  /** @returns false when it has ended all the same, just before it was stopped */
  async #restPaused(jobId: string): Promise<boolean> {
    if (this.#jobs.get(jobId)?.state !== 'running') return false
    await this.#jobs.transition(jobId, { from: ['running'], to: 'queued' })
    return true
  }

  #startNext(): void {
    if (this.#closing || this.#current !== undefined) return
    const [job] = this.#jobs.list({ kinds: this.#runner.kinds, states: active, order: 'next', limit: 1 })
    if (job === undefined) return
    const stop = new AbortController()
    setMaxListeners(0, stop.signal) // one for each picture under way
    const current: CurrentJob = { id: job.id, stop, isPaused: false, ended: Promise.resolve() }
    this.#current = current
    current.ended = this.#runToEnd(job, current).then((ended) => {
      this.#current = undefined
      if (ended) this.#startNext()
    })
  }

  /** @returns false when nothing more can be run: the process is stopping, or its storage is gone. */
  async #runToEnd(job: JobRecord, current: CurrentJob): Promise<boolean> {
    const { logger, galleries } = this.#options
    try {
      this.#tellEnd(await this.#run(job, current))
    } catch (error) {
      if (this.#closing) return false
      if (galleries.failure !== undefined) {
        logger.error({ err: error, jobId: job.id }, 'job stopped: its storage is gone')
        return false
      }
      if (!current.stop.signal.aborted && !(await this.#fail(job.id, error))) return false
    }
    if (current.isPaused && (await this.#restPaused(job.id))) return true
    this.#begun.delete(job.id)
    await this.#runner.discard?.(job.id)
    await this.#forgetOld()
    return true
  }

  async #run(job: JobRecord, current: CurrentJob): Promise<JobRecord> {
    const { galleries } = this.#options
    const { trials, giveUp } = await this.#begin(job)
    // A gallery that was deleted and made anew under the same name is another one.
    if ((await galleries.set(job.gallery)).galleryUid !== job.galleryUid) throw new AlikeError('gallery_not_found')
    current.stop.signal.throwIfAborted() // a run that begins after it would not hear of it
    const { total, result } = await this.#runner.run(job, {
      signal: current.stop.signal,
      trials,
      giveUp,
      expect: async (expected) =>
        void (await this.#jobs.transition(job.id, { from: ['running'], to: 'running', total: expected })),
      tell: (reading) => void (current.reading = reading),
    })
    return result === undefined ? this.#jobs.complete(job.id, total) : this.#jobs.finish(job.id, { total, result })
  }

  /** @throws AlikeError `job_interrupted` when the process has died over the job too often, `job_finished` */
  async #begin(job: JobRecord) {
    const trial = nextTrial(job, { begunHere: this.#begun.has(job.id), deathsMax: this.#runner.deathsMax })
    const { deaths, giveUp, trials } = trial
    if (deaths > 0)
      this.#options.logger.error(
        { jobId: job.id, kind: job.kind, deaths, giveUp },
        'the process died over this job; it is tried again',
      )
    this.#begun.add(job.id)
    await this.#jobs.transition(job.id, {
      from: active,
      to: 'running',
      trials,
      failure: deaths > 0 ? failureOf(new AlikeError('job_interrupted')) : undefined,
    })
    return trial
  }

  /** @returns false when that could not be stored. The job stays as it is and is taken up again: where there was no room, there may be some later. */
  async #fail(jobId: string, cause: unknown): Promise<boolean> {
    const { logger } = this.#options
    const error = cause instanceof AlikeError ? cause : new AlikeError('internal', { cause })
    // What the caller is to blame for is in the job; what we are to blame for belongs into the log, with its cause.
    if (ownFailures.includes(error.code)) logger.error({ err: cause, jobId }, 'job failed')
    try {
      this.#tellEnd(await this.#jobs.transition(jobId, { from: active, to: 'failed', failure: failureOf(error) }))
      return true
    } catch (unstored) {
      if (unstored instanceof AlikeError && unstored.code === 'job_finished') return true // cancelled meanwhile
      logger.error({ err: unstored, jobId }, 'the failure of a job could not be stored')
      if (!this.#closing) this.#retry = setTimeout(() => this.#startNext(), retryMs).unref()
      return false
    }
  }

  #tellEnd(job: JobRecord): void {
    const { id, kind, state, total, failed, failure, startedAt, finishedAt } = job
    const durationMs =
      startedAt === null || finishedAt === null ? undefined : Date.parse(finishedAt) - Date.parse(startedAt)
    this.#options.onEnd?.(job)
    const level = state === 'succeeded' || state === 'cancelled' ? 'info' : 'warn'
    this.#options.logger[level](
      { jobId: id, kind, total, failed, durationMs, code: failure?.code },
      `job ${state.replaceAll('_', ' ')}`,
    )
  }

  async #forgetOld(): Promise<void> {
    const before = new Date(Date.now() - this.#options.jobsKeptDays * dayMs).toISOString()
    await this.#jobs
      .forget(before)
      .catch((error: unknown) => this.#options.logger.error({ err: error }, 'old jobs could not be forgotten'))
  }
}

function failureOf({ code, message }: AlikeError): { code: string; detail: string } {
  return { code, detail: message }
}
