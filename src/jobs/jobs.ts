/**
 * The life of every job, whatever its kind: accepted while there is room, run in its turn by the runner of its
 * kind, followed, cancelled, resumed after a restart, and finally deleted.
 */
import { AlikeError } from '../errors.js'
import { JobChanges } from './changes.js'
import type { JobKind, JobRecord, RunReading } from './job.js'
import { queueFull } from './job-changes.js'
import type { JobLogger } from './job-logger.js'
import type { JobRunner } from './job-runner.js'
import type { JobCount, JobListOptions, JobSteering, JobStore, NewJob } from './job-store.js'
import { Lane, type LaneOptions } from './lane.js'
import { type JobPace, paceOf } from './pace.js'
import { forgetOld } from './retention.js'

export interface JobsOptions extends LaneOptions {
  /** Each with its own lane. */
  runners: readonly JobRunner[]
}

export interface JobReport {
  job: JobRecord
  pace: JobPace
}

export interface GroupCount<Group extends string> {
  group: Group
  state: 'queued' | 'paused' | 'running'
  count: number
}

const forgetEveryMs = 3_600_000

/** Resumes the jobs of previous processes. */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const jobs = new Jobs(options)
  await jobs.resume()
  return jobs
}

export class Jobs {
  /** Where jobs are stored. */
  readonly store: JobStore
  readonly #options: LaneOptions
  readonly #logger: JobLogger
  readonly #lanes: ReadonlyMap<JobKind, Lane>
  readonly #changes: JobChanges
  readonly #endListening: () => void
  readonly #forgetting: NodeJS.Timeout
  #closing = false

  /** See `openJobs`. */
  constructor({ runners, ...options }: JobsOptions) {
    this.store = options.store
    this.#options = options
    this.#logger = options.logger
    this.#changes = new JobChanges(options.store)
    this.#lanes = new Map(
      runners.flatMap((runner) => {
        const lane = new Lane(runner, options)
        return runner.kinds.map((kind): [JobKind, Lane] => [kind, lane])
      }),
    )
    this.#endListening = options.store.onChange(() => {
      for (const lane of this.#allLanes) lane.wake()
    })
    // also if no job ends for a long time
    this.#forgetting = setInterval(() => void forgetOld(options), forgetEveryMs).unref()
  }

  /** Called once, before anything else. */
  async resume(): Promise<void> {
    await forgetOld(this.#options)
    for (const lane of this.#allLanes) await lane.resume()
  }

  /**
   * Called before a job of a gallery is created, or an upload for it is received.
   * @throws AlikeError `shutting_down`, `job_queue_full`, `gallery_without_worker`, `gallery_not_found`
   */
  async expectRoom(kind: JobKind, gallery: string): Promise<void> {
    if (this.#closing) throw new AlikeError('shutting_down')
    const { sets } = this.#options.galleries
    const { isOnlyHere } = await sets.finishPreparing(gallery)
    this.expectWorker(isOnlyHere)
    if (!(await this.#laneOf(kind).hasRoom())) throw queueFull()
  }

  /**
   * @param isOnlyHere no other process can reach what the job needs; it would wait until this one is restarted with another role
   * @throws AlikeError `gallery_without_worker`
   */
  expectWorker(isOnlyHere: boolean): void {
    if (isOnlyHere && this.#options.runsJobs === false) throw new AlikeError('gallery_without_worker')
  }

  /**
   * Resolves when the job is durable. If there is already a job with its idempotency key, that one is returned instead.
   * @throws AlikeError `gallery_not_found`, `job_queue_full` unless it is for an upload that has been received, `storage_full`
   */
  async create({
    isReceived = false,
    ...job
  }: NewJob & { kind: JobKind; isReceived?: boolean }): Promise<JobReport & { created: boolean }> {
    const { job: made, created } = await this.#laneOf(job.kind).create(job, isReceived)
    if (created)
      this.#logger.info({ jobId: made.id, gallery: made.gallery, kind: made.kind, total: made.total }, 'job accepted')
    return { ...this.#report(made), created }
  }

  /**
   * The current record.
   * @throws AlikeError `job_not_found`
   */
  async report(jobId: string): Promise<JobReport> {
    const job = await this.store.get(jobId)
    if (job === undefined) throw new AlikeError('job_not_found')
    return this.#report(job)
  }

  /** Resolves once the job may have changed; at once if this process runs it, or if no other process can change it. */
  async changed(jobId: string, kind: JobKind, signal: AbortSignal): Promise<void> {
    if (this.#laneOf(kind).readingOf(jobId) === undefined) await this.#changes.next(jobId, signal)
  }

  /** Newest first. */
  async list(options: JobListOptions): Promise<JobReport[]> {
    return (await this.store.list(options)).map((job) => this.#report(job))
  }

  /** Unfinished jobs of each group of kinds; paused ones are not among those that wait for a worker. */
  async counts<Group extends string>(groups: Record<Group, readonly JobKind[]>): Promise<GroupCount<Group>[]> {
    const counts = await this.store.counts()
    return (Object.keys(groups) as Group[]).flatMap((group) =>
      (['queued', 'paused', 'running'] as const).map((state) => {
        const fitting = counts.filter((one) => groups[group].includes(one.kind) && shownState(one) === state)
        return { group, state, count: fitting.reduce((sum, { count }) => sum + count, 0) }
      }),
    )
  }

  /** Jobs that wait in this process because a disk is full, of each kind. */
  withoutRoom(): { kind: JobKind; count: number }[] {
    const kinds = [...this.#allLanes].flatMap((lane) => lane.withoutRoom)
    return [...this.#lanes.keys()].map((kind) => ({ kind, count: kinds.filter((one) => one === kind).length }))
  }

  /**
   * What it has committed is kept.
   * @throws AlikeError `job_not_found`, `job_finished`
   */
  async cancel(jobId: string): Promise<JobReport> {
    const { job } = await this.report(jobId)
    const cancelled = await this.#laneOf(job.kind).cancel(jobId)
    return this.#report((await this.store.get(jobId)) ?? cancelled) // if jobs are not retained, it is deleted
  }

  /**
   * Pauses or resumes it, or changes its priority.
   * @throws AlikeError `job_not_found`, `job_finished`
   */
  async steer(jobId: string, steering: JobSteering): Promise<JobReport> {
    const { job } = await this.report(jobId)
    return this.#report(await this.#laneOf(job.kind).steer(jobId, steering))
  }

  /**
   * Stops the running jobs immediately; they resume at the next start.
   * @param crashed the process ends because of an error: a job may have been the cause
   */
  async close(crashed = false): Promise<void> {
    this.#closing = true
    this.#endListening()
    clearInterval(this.#forgetting)
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
    // the last reading from another process stays with a job that was put back
    const reading = job.state === 'running' ? (this.#laneOf(job.kind).readingOf(job.id) ?? job.reading) : undefined
    const now = reading === undefined ? job : broughtUp(job, reading)
    return { job: now, pace: paceOf(now, reading) }
  }
}

/** By what its run knows. A step is stored a moment before its run knows of it. */
function broughtUp(job: JobRecord, reading: RunReading): JobRecord {
  const { total = job.total } = reading
  const done = Math.max(job.done, reading.done ?? 0)
  return { ...job, done, total: total === null ? null : Math.max(total, done) }
}

function shownState({ state, paused }: JobCount): GroupCount<string>['state'] {
  return state === 'queued' && paused ? 'paused' : state
}
