/** Bulk jobs: uploads are accepted while there is room, run one after the other, and survive a restart. */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { AlikeError } from '../errors.js'
import { activeJobStates, type EndedJobState, type JobListOptions, type JobRecord, type JobState, type JobTrials } from '../gallery/jobs.js'
import type { JsonValue } from '../gallery/records.js'
import type { Metrics } from '../metrics.js'
import { JobRun } from './job-run.js'
import type { IntakeParts } from './new-image.js'
import { paceOf, type JobPace } from './pace.js'
import { openSource } from './open-source.js'
import type { SourceDescription, SourceLimits } from './source.js'
import { Spool } from './spool.js'
import { receiveUpload, type Upload } from './upload.js'

/** What is used of pino. */
export interface IngestLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface IngestOptions extends SourceLimits {
  parts: IntakeParts
  dataDir: string
  /** Jobs that may wait or run. */
  jobsMax: number
  jobsKeptDays: number
  /** See `JobRunOptions`. */
  concurrency: number
  metrics: Metrics
  logger: IngestLogger
}

export interface JobReport {
  job: JobRecord
  pace: JobPace
}

export interface Ingest {
  /**
   * Resolves when upload and job are durable.
   * @throws AlikeError `job_queue_full`, `gallery_not_found`, `archive_unreadable`, `manifest_invalid`,
   * `body_too_large`, `storage_full`; what the upload's stream throws; the reason of its signal
   */
  accept(upload: Upload): Promise<JobReport>
  /** @throws AlikeError `job_not_found` */
  report(jobId: string): JobReport
  /** Of other kinds, too: they are listed with what is stored of them. */
  list(options: JobListOptions): JobReport[]
  /** What is committed stays. @throws AlikeError `job_not_found`, `job_finished` */
  cancel(jobId: string): Promise<JobReport>
  /**
   * Stops the running job where it is; it goes on at the next start.
   * @param crashed the process ends for an error: the job may have been the reason
   */
  close(crashed?: boolean): Promise<void>
}

/** Takes up the jobs that a former process left. */
export async function openIngest(options: IngestOptions): Promise<Ingest> {
  const ingest = new JobQueue(options)
  await ingest.resume()
  return ingest
}

const active: JobState[] = [...activeJobStates]
const dayMs = 86_400_000
/** After a job could neither go on nor be stored as failed. */
const retryMs = 10_000
/** A job that did not get further while the process died so often over it is not begun again. */
const deathsMax = 4
/** A picture over which the process died so often while nothing else was at work is given up; and a job with so many of them. */
const aloneTriesMax = 2
const givenUpMax = 5

class JobQueue implements Ingest {
  readonly #options: IngestOptions
  readonly #spool: Spool
  /** Jobs whose uploads a former process received: compared with what was received before they are read. */
  #left: ReadonlySet<string> = new Set()
  /** Jobs that this process has begun: what is noted of their runs is no death of a former one. */
  readonly #begun = new Set<string>()
  /** The last look at an archive that was received. */
  #turn: Promise<unknown> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined
  #current: { jobId: string; stop: AbortController; run?: JobRun; ended: Promise<void> } | undefined
  #closing = false

  constructor(options: IngestOptions) {
    this.#options = options
    this.#spool = new Spool(options.dataDir)
  }

  get #jobs() {
    return this.#options.parts.galleries.jobs
  }

  async resume(): Promise<void> {
    const left = this.#activeJobs()
    this.#left = new Set(left.map(({ id }) => id))
    await this.#spool.sweep(this.#left)
    await this.#forgetOld()
    this.#startNext()
  }

  async accept({ gallery, idempotencyKey, content, signal, ...said }: Upload): Promise<JobReport> {
    const { jobsMax } = this.#options
    if (this.#closing) throw new AlikeError('shutting_down')
    // Only jobs count: an upload that has begun is not refused at its end.
    if (this.#activeJobs().length >= jobsMax) throw new AlikeError('job_queue_full', { retryAfterSeconds: 30 })
    this.#options.parts.galleries.get(gallery)

    const jobId = randomUUID()
    try {
      const { total, ...source } = await receiveUpload(jobId, { content, signal, ...said, inTurn: (work) => this.#inTurn(work) }, this.#spool, this.#options)
      signal?.throwIfAborted()
      const description: SourceDescription = { ...source, ...said }
      const { job, created } = await this.#jobs.create({
        id: jobId,
        gallery,
        source: description as unknown as JsonValue,
        ...(total !== undefined && { total }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      })
      if (!created) await this.#expectSame(job, description, jobId)
      else this.#options.logger.info({ jobId, gallery, kind: description.kind, total }, 'job accepted')
      this.#startNext()
      return this.#report(job)
    } catch (error) {
      await this.#spool.remove(jobId)
      throw error
    }
  }

  /** A key asks for the job of the same upload, or it is a mistake. @throws AlikeError `idempotency_key_reused` */
  async #expectSame(job: JobRecord, description: SourceDescription, received: string): Promise<void> {
    await this.#spool.remove(received)
    if (!isDeepStrictEqual(job.source, description)) throw new AlikeError('idempotency_key_reused', { detail: `It is the key of job ${job.id}.` })
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {}) // told to whose work it was
    return result
  }

  report(jobId: string): JobReport {
    const job = this.#jobs.get(jobId)
    if (job === undefined) throw new AlikeError('job_not_found')
    return this.#report(job)
  }

  list(options: JobListOptions): JobReport[] {
    return this.#jobs.list(options).map((job) => this.#report(job))
  }

  async cancel(jobId: string): Promise<JobReport> {
    // The state is durable first: a run that is still at work can commit nothing after it.
    const job = await this.#jobs.transition(jobId, { from: active, to: 'cancelled' })
    this.#tellEnd(job)
    if (this.#current?.jobId === jobId) {
      this.#current.stop.abort()
      await this.#current.ended
    } else {
      await this.#spool.remove(jobId)
    }
    return this.#report(this.#jobs.get(jobId) ?? job)
  }

  async close(crashed = false): Promise<void> {
    this.#closing = true
    clearTimeout(this.#retry)
    const current = this.#current
    current?.stop.abort()
    await current?.ended
    if (current !== undefined && !crashed) await this.#noteRest(current.jobId)
  }

  /** That the run was stopped in peace. Without the note the next process only goes more carefully. */
  async #noteRest(jobId: string): Promise<void> {
    const job = this.#jobs.get(jobId)
    if (job?.state !== 'running' || job.trials === null) return
    await this.#jobs.note(jobId, { ...job.trials, runs: 0, alone: null }).catch((error: unknown) => this.#options.logger.error({ err: error, jobId }, 'the rest of a job could not be noted'))
  }

  #report(job: JobRecord): JobReport {
    const reading = this.#current?.jobId === job.id ? this.#current.run?.reading() : undefined
    return { job, pace: paceOf(job, reading) }
  }

  /** Oldest first. */
  #activeJobs(): JobRecord[] {
    return this.#jobs.list({ kinds: ['ingest'], states: active, limit: 100_000 }).reverse()
  }

  /** One job at a time: each uses every core, and a later job of the same gallery must not overtake. */
  #startNext(): void {
    if (this.#closing || this.#current !== undefined) return
    const [job] = this.#activeJobs()
    if (job === undefined) return
    const stop = new AbortController()
    setMaxListeners(0, stop.signal) // one for each picture under way
    const current = { jobId: job.id, stop, ended: Promise.resolve() }
    this.#current = current
    current.ended = this.#runToEnd(job, stop.signal).then((ended) => {
      this.#current = undefined
      if (ended) this.#startNext()
    })
  }

  /** @returns false when nothing more can be run: the process is stopping, or its storage is gone. */
  async #runToEnd(job: JobRecord, signal: AbortSignal): Promise<boolean> {
    const { logger, parts } = this.#options
    try {
      const started = job.state === 'queued' ? await this.#jobs.transition(job.id, { from: ['queued'], to: 'running' }) : job
      const total = await this.#run(started, signal)
      this.#tellEnd(await this.#jobs.complete(job.id, total))
    } catch (error) {
      if (this.#closing) return false
      if (parts.galleries.failure !== undefined) {
        logger.error({ err: error, jobId: job.id }, 'job stopped: its storage is gone')
        return false
      }
      if (!(signal.aborted || isJobFinished(error)) && !(await this.#fail(job.id, error))) return false
    }
    await this.#spool.remove(job.id)
    await this.#forgetOld()
    return true
  }

  async #run(job: JobRecord, signal: AbortSignal): Promise<number> {
    const { parts, metrics, concurrency, uploadMaxBytes } = this.#options
    const { uid } = parts.galleries.get(job.gallery)
    // A gallery that was deleted and made anew under the same name is another one.
    if (uid !== job.galleryUid) throw new AlikeError('gallery_not_found')
    const description = job.source as unknown as SourceDescription
    const { trials, giveUp } = await this.#noteRun(job)
    if (this.#left.has(job.id)) await this.#spool.expectWhole(job.id, description)
    const source = await openSource(description, this.#spool.fileOf(job.id), this.#options, signal)
    try {
      const { total } = source
      if (job.total === null && total !== undefined) await this.#jobs.transition(job.id, { from: ['running'], to: 'running', total })
      const run = new JobRun(job, source, { parts, metrics, concurrency, uploadMaxBytes, trials, giveUp, signal })
      if (this.#current !== undefined) this.#current.run = run
      return await run.run()
    } finally {
      await source.close()
    }
  }

  /**
   * Durable before anything of the job is at work, so that a process which dies over it is noticed by the next.
   * @throws AlikeError `job_interrupted` when that has happened too often
   */
  async #noteRun({ id, trials: former }: JobRecord): Promise<{ trials: JobTrials; giveUp: number | undefined }> {
    const { alone, runs: deaths, givenUp } = this.#begun.has(id) || former === null ? { alone: null, runs: 0, givenUp: former?.givenUp ?? 0 } : former
    const giveUp = alone !== null && alone.tries >= aloneTriesMax ? alone.item : undefined
    if (giveUp === undefined && deaths >= deathsMax) throw interrupted(`That happened ${deaths} times without the job getting further.`)
    if (giveUp !== undefined && givenUp >= givenUpMax) throw interrupted(`It holds more than ${givenUpMax} pictures over which that happens.`)
    if (deaths > 0) this.#options.logger.error({ jobId: id, deaths, giveUp }, 'the process died over this job; it goes on picture by picture')
    this.#begun.add(id)
    const trials = { runs: deaths + 1, alone, givenUp }
    await this.#jobs.note(id, trials)
    return { trials, giveUp }
  }

  async #fail(jobId: string, error: unknown): Promise<boolean> {
    const { code, message } = error instanceof AlikeError ? error : new AlikeError('internal', { cause: error })
    // What the upload is to blame for is in the job; what we are to blame for belongs into the log, with its cause.
    if (isOurs(code)) this.#options.logger.error({ err: error, jobId }, 'job failed')
    try {
      this.#tellEnd(await this.#jobs.transition(jobId, { from: active, to: 'failed', failure: { code, detail: message } }))
      return true
    } catch (cause) {
      // It stays as it is, upload and all, and is taken up again: where there was no room, there may be some later.
      this.#retry = setTimeout(() => this.#startNext(), retryMs).unref()
      this.#options.logger.error({ err: cause, jobId }, 'the failure of a job could not be stored')
      return false
    }
  }

  #tellEnd({ id, state, total, failed, failure }: JobRecord): void {
    const { logger, metrics } = this.#options
    metrics.countJobEnd(state as EndedJobState)
    logger[state === 'succeeded' || state === 'cancelled' ? 'info' : 'warn']({ jobId: id, total, failed, code: failure?.code }, `job ${state.replaceAll('_', ' ')}`)
  }

  async #forgetOld(): Promise<void> {
    const before = new Date(Date.now() - this.#options.jobsKeptDays * dayMs).toISOString()
    await this.#jobs.forget(before).catch((error: unknown) => this.#options.logger.error({ err: error }, 'old jobs could not be forgotten'))
  }
}

function interrupted(detail: string): AlikeError {
  return new AlikeError('job_interrupted', { detail })
}

function isOurs(code: string): boolean {
  return ['internal', 'storage_full', 'data_unreadable', 'job_interrupted'].includes(code)
}

function isJobFinished(error: unknown): boolean {
  return error instanceof AlikeError && error.code === 'job_finished'
}
