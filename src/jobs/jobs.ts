/**
 * The life of every job, whatever its kind: accepted while there is room, run one after the other by the runner of its
 * kind, watched, cancelled, taken up again after a restart, and forgotten in the end.
 */
import { AlikeError } from '../errors.js'
import { JobChanges } from './changes.js'
import { type ActiveJobState, activeJobStates, type JobKind, type JobRecord } from './job.js'
import type { JobLogger } from './job-logger.js'
import type { JobRunner } from './job-runner.js'
import type { JobListOptions, JobSteering, JobStore, NewJob } from './job-store.js'
import { Lane, type LaneOptions } from './lane.js'
import { type JobPace, paceOf } from './pace.js'

export interface JobsOptions extends LaneOptions {
  /** Each with a lane of its own. */
  runners: readonly JobRunner[]
}

export interface JobReport {
  job: JobRecord
  pace: JobPace
}

/** Takes up the jobs that a former process left. */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const jobs = new Jobs(options)
  await jobs.resume()
  return jobs
}

export class Jobs {
  /** What they are kept in. */
  readonly store: JobStore
  readonly #logger: JobLogger
  readonly #lanes: ReadonlyMap<JobKind, Lane>
  readonly #changes: JobChanges
  readonly #endListening: () => void
  #closing = false

  /** See `openJobs`. */
  constructor({ runners, ...options }: JobsOptions) {
    this.store = options.store
    this.#logger = options.logger
    this.#changes = new JobChanges(options.store)
    this.#lanes = new Map(
      runners.flatMap((runner) => {
        const lane = new Lane(runner, options)
        return runner.kinds.map((kind): [JobKind, Lane] => [kind, lane])
      }),
    )
    this.#endListening = options.store.onChange(() => {
      for (const lane of this.#allLanes) lane.look()
    })
  }

  /** Once, before anything else. */
  async resume(): Promise<void> {
    for (const lane of this.#allLanes) await lane.resume()
  }

  /**
   * Before a job is made, or an upload for it is received.
   * @throws AlikeError `shutting_down`, `job_queue_full`
   */
  async expectRoom(kind: JobKind): Promise<void> {
    if (this.#closing) throw new AlikeError('shutting_down')
    if (!(await this.#laneOf(kind).hasRoom())) throw new AlikeError('job_queue_full', { retryAfterSeconds: 30 })
  }

  /**
   * Resolves when the job is durable. Where its idempotency key has a job already, that one is told instead.
   * @throws AlikeError `gallery_not_found`, `storage_full`
   */
  async create(job: NewJob & { kind: JobKind }): Promise<JobReport & { created: boolean }> {
    const { job: made, created } = await this.#laneOf(job.kind).create(job)
    if (created)
      this.#logger.info({ jobId: made.id, gallery: made.gallery, kind: made.kind, total: made.total }, 'job accepted')
    return { ...this.#report(made), created }
  }

  /** The job as it is now. @throws AlikeError `job_not_found` */
  async report(jobId: string): Promise<JobReport> {
    const job = await this.store.get(jobId)
    if (job === undefined) throw new AlikeError('job_not_found')
    return this.#report(job)
  }

  /** Resolves once the job may be another than it was: at once where this process runs it, or no other one can change it. */
  async changed(jobId: string, kind: JobKind, signal: AbortSignal): Promise<void> {
    if (this.#laneOf(kind).readingOf(jobId) === undefined) await this.#changes.next(jobId, signal)
  }

  /** Newest first. */
  async list(options: JobListOptions): Promise<JobReport[]> {
    return (await this.store.list(options)).map((job) => this.#report(job))
  }

  /** Jobs of these kinds that have not ended. */
  async counts(kinds: readonly JobKind[]): Promise<{ state: ActiveJobState; count: number }[]> {
    const countOf = async (state: ActiveJobState) => ({
      state,
      count: await this.store.count({ kinds, states: [state] }),
    })
    return Promise.all(activeJobStates.map(countOf))
  }

  /** What it has committed stays. @throws AlikeError `job_not_found`, `job_finished` */
  async cancel(jobId: string): Promise<JobReport> {
    const { job } = await this.report(jobId)
    const cancelled = await this.#laneOf(job.kind).cancel(jobId)
    return this.#report((await this.store.get(jobId)) ?? cancelled) // where none are kept, it is forgotten
  }

  /** Pauses it, lets it go on, or gives it another priority. @throws AlikeError `job_not_found`, `job_finished` */
  async steer(jobId: string, steering: JobSteering): Promise<JobReport> {
    const { job } = await this.report(jobId)
    return this.#report(await this.#laneOf(job.kind).steer(jobId, steering))
  }

  /**
   * Stops the running jobs where they are; they go on at the next start.
   * @param crashed the process ends for an error: a job may have been the reason
   */
  async close(crashed = false): Promise<void> {
    this.#closing = true
    this.#endListening()
    this.#changes.close()
    await Promise.all([...this.#allLanes].map((lane) => lane.close(crashed)))
  }

  get #allLanes(): ReadonlySet<Lane> {
    return new Set(this.#lanes.values())
  }

  #laneOf(kind: JobKind): Lane {
    return this.#lanes.get(kind)!
  }

  #report(job: JobRecord): JobReport {
    const reading = job.finishedAt === null ? (this.#laneOf(job.kind).readingOf(job.id) ?? job.reading) : undefined
    const now = {
      ...job,
      done: reading?.done ?? job.done,
      total: reading?.total === undefined ? job.total : reading.total,
    }
    return { job: now, pace: paceOf(now, reading) }
  }
}
