/**
 * The analyses of galleries as jobs: accepted while there is room, run one at a time beside the
 * ingestion jobs, and begun anew after a restart.
 */
import { randomUUID } from 'node:crypto'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { JobKind, JobRecord, JobState } from '../gallery/jobs.js'
import type { JsonValue } from '../gallery/records.js'
import type { InsightTask } from '../insight/parameters.js'
import { paceOf, type JobPace } from '../ingest/pace.js'
import { InsightRun } from './insight-run.js'

/** What is used of pino. */
export interface InsightLogger {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface InsightsOptions {
  galleries: Galleries
  /** Analyses that may wait or run. */
  jobsMax: number
  /** Pictures of a gallery up to which it is analysed: its vectors are in memory once more meanwhile. */
  imagesMax: number
  jobsKeptDays: number
  /** Settles when pictures of older data have their copy descriptors; analyses of copies wait for it. */
  copiesDescribed?: Promise<void> | undefined
  logger: InsightLogger
}

export interface InsightReport {
  job: JobRecord
  pace: JobPace
}

export const insightKinds = ['evaluate', 'duplicates', 'doctor'] as const satisfies readonly JobKind[]
const dayMs = 86_400_000
const active: JobState[] = ['queued', 'running']
/** After the state of a job could not be stored. */
const retryMs = 10_000

export function isInsight({ kind }: Pick<JobRecord, 'kind'>): boolean {
  return (insightKinds as readonly JobKind[]).includes(kind)
}

/** Takes up the jobs that a former process left. */
export async function openInsights(options: InsightsOptions): Promise<Insights> {
  const insights = new Insights(options)
  await insights.resume()
  return insights
}

export class Insights {
  readonly #options: InsightsOptions
  /** Jobs being stored. */
  #accepting = 0
  #current: { jobId: string; run: InsightRun; stop: AbortController; ended: Promise<void> } | undefined
  #retry: NodeJS.Timeout | undefined
  #closing = false

  /** See `openInsights`. */
  constructor(options: InsightsOptions) {
    this.#options = options
  }

  get #jobs() {
    return this.#options.galleries.jobs
  }

  /** Once, before anything else. */
  async resume(): Promise<void> {
    for (const job of this.#jobs.list({ kinds: insightKinds, states: ['running'], limit: 100_000 })) {
      // A job in which the process dies each time must not take it down for ever: it is tried twice.
      const failure = { code: 'job_interrupted', detail: new AlikeError('job_interrupted').message }
      const to = job.failure === null ? 'queued' : 'failed'
      if (!(await this.#store(() => this.#jobs.transition(job.id, { from: ['running'], to, failure }), job.id))) return
      this.#options.logger.error({ jobId: job.id, to }, 'the process ended while an analysis ran')
    }
    this.#startNext()
  }

  /**
   * Resolves when the job is durable.
   * @throws AlikeError `gallery_not_found`, `model_mismatch`, `gallery_too_large`, `job_queue_full`, `storage_full`
   */
  async accept(gallery: string, task: InsightTask): Promise<InsightReport> {
    const { galleries, jobsMax, imagesMax, logger } = this.#options
    if (this.#closing) throw new AlikeError('shutting_down')
    galleries.source(gallery)
    if (galleries.get(gallery).count > imagesMax) throw new AlikeError('gallery_too_large', { detail: `It may hold ${imagesMax}.` })
    if (this.#active().length + this.#accepting >= jobsMax) throw new AlikeError('job_queue_full', { retryAfterSeconds: 30 })
    this.#accepting += 1
    try {
      const { job } = await this.#jobs.create({ id: randomUUID(), kind: task.kind, gallery, source: task as JsonValue })
      logger.info({ jobId: job.id, gallery, kind: job.kind }, 'job accepted')
      this.#startNext()
      return this.report(job)
    } finally {
      this.#accepting -= 1
    }
  }

  /** The job with how far it is. */
  report(job: JobRecord): InsightReport {
    const run = this.#current?.jobId === job.id && job.finishedAt === null ? this.#current.run : undefined
    if (run === undefined) return { job, pace: paceOf(job, undefined) }
    const now = { ...job, done: run.done, total: run.total }
    return { job: now, pace: paceOf(now, run.reading()) }
  }

  /** @throws AlikeError `job_not_found`, `job_finished` */
  async cancel(jobId: string): Promise<InsightReport> {
    // The state is durable first: a run that is still at work can store nothing after it.
    const job = await this.#jobs.transition(jobId, { from: active, to: 'cancelled' })
    if (this.#current?.jobId === jobId) {
      this.#current.stop.abort()
      await this.#current.ended
    }
    return this.report(job)
  }

  /** Stops the running job; it begins anew at the next start. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#retry)
    this.#current?.stop.abort()
    await this.#current?.ended
  }

  /** Oldest first. */
  #active(): JobRecord[] {
    return this.#jobs.list({ kinds: insightKinds, states: active, limit: 100_000 }).reverse()
  }

  /** One at a time: each holds a gallery in memory and keeps a core busy. */
  #startNext(): void {
    if (this.#closing || this.#current !== undefined) return
    const [job] = this.#active()
    if (job === undefined) return
    const stop = new AbortController()
    const run = new InsightRun(job, this.#options, stop.signal)
    const current = { jobId: job.id, run, stop, ended: Promise.resolve() }
    this.#current = current
    current.ended = this.#runToEnd(job, run, stop.signal).then((ended) => {
      this.#current = undefined
      if (ended) this.#startNext()
    })
  }

  /** @returns false when nothing more can be run: the process is stopping, or its storage is gone. */
  async #runToEnd(job: JobRecord, run: InsightRun, signal: AbortSignal): Promise<boolean> {
    const { logger, galleries } = this.#options
    try {
      await this.#jobs.transition(job.id, { from: active, to: 'running' }) // running: its end could not be stored
      // A gallery that was deleted and made anew under the same name is another one.
      if (galleries.get(job.gallery).uid !== job.galleryUid) throw new AlikeError('gallery_not_found')
      const { total, result } = await run.run(job.source as unknown as InsightTask)
      await this.#jobs.finish(job.id, { total, result: JSON.stringify(result) })
      logger.info({ jobId: job.id, kind: job.kind, durationMs: Math.round(run.reading().elapsedMs) }, 'job succeeded')
    } catch (error) {
      if (galleries.failure !== undefined) {
        logger.error({ err: error, jobId: job.id }, 'job stopped: its storage is gone')
        return false
      }
      if (this.#closing) {
        await this.#store(() => this.#jobs.transition(job.id, { from: ['running'], to: 'queued' }), job.id)
        return false
      }
      if (!signal.aborted && !(await this.#fail(job.id, error))) return false
    }
    const before = new Date(Date.now() - this.#options.jobsKeptDays * dayMs).toISOString()
    return this.#store(() => this.#jobs.forget(before), job.id)
  }

  #fail(jobId: string, error: unknown): Promise<boolean> {
    const { code, message } = error instanceof AlikeError ? error : new AlikeError('internal', { cause: error })
    this.#options.logger[code === 'internal' || code === 'data_unreadable' || code === 'storage_full' ? 'error' : 'info']({ err: error, jobId }, 'job failed')
    return this.#store(() => this.#jobs.transition(jobId, { from: active, to: 'failed', failure: { code, detail: message } }), jobId)
  }

  /** @returns false when the change could not be stored: then the jobs are taken up again later, as where there was no room there may be some. */
  async #store(change: () => Promise<unknown>, jobId: string): Promise<boolean> {
    try {
      await change()
      return true
    } catch (error) {
      if (error instanceof AlikeError && error.code === 'job_finished') return true
      this.#options.logger.error({ err: error, jobId }, 'the state of a job could not be stored')
      if (!this.#closing && this.#options.galleries.failure === undefined) this.#retry = setTimeout(() => this.#startNext(), retryMs).unref()
      return false
    }
  }
}
