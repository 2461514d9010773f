/** The jobs of one runner: started in order of arrival, as many at once as it allows, but only one of each gallery. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import { type ClaimedEnd, ClaimedJob } from './claimed-job.js'
import { activeJobStates, type JobKind, type JobRecord, type RunReading } from './job.js'
import { countOfKinds } from './job-changes.js'
import { announceEnd, type JobEndOptions } from './job-end.js'
import type { JobRunner } from './job-runner.js'
import type { JobSteering, JobStore, NewJob } from './job-store.js'
import { Passes } from './passes.js'
import { forgetOld, type RetentionOptions } from './retention.js'
import { WithoutRoom } from './without-room.js'

export interface LaneOptions extends JobEndOptions, RetentionOptions {
  galleries: Galleries
  /** False: jobs are accepted and controlled here, and run by other processes. Default true. */
  runsJobs?: boolean | undefined
}

/** Pause after a job could neither continue nor be stored as failed, or none could be claimed. */
const retryMs = 10_000
/** With a shared store: pause before another job is added to those running here, so that idle processes are given it. */
const idleFirstMs = 500
/** Until then, a job during which the process has crashed is alone; it may be waiting for an engine. */
const recoveryMaxMs = 60_000

interface Running {
  job: ClaimedJob
  galleryUid: string
  /** Resolves once nothing is left to do for it. */
  ended: Promise<ClaimedEnd>
}

export class Lane {
  readonly #runner: JobRunner
  readonly #options: LaneOptions
  readonly #store: JobStore
  /** Jobs that this process has started: their recorded runs do not mean that an earlier process crashed. */
  readonly #begun = new Set<string>()
  /** By id. */
  readonly #running = new Map<string, Running>()
  readonly #passes = new Passes(() => this.#startNext())
  readonly #withoutRoom = new WithoutRoom(() => this.wake())

  constructor(runner: JobRunner, options: LaneOptions) {
    this.#runner = runner
    this.#options = options
    this.#store = options.store
  }

  /** Asked before an upload is received, or a job prepared: `create` decides. */
  async hasRoom(): Promise<boolean> {
    const { kinds, jobsMax } = this.#runner
    return countOfKinds(await this.#store.counts(), kinds) < jobsMax
  }

  async resume(): Promise<void> {
    const left = await this.#store.list({ kinds: this.#runner.kinds, states: activeJobStates, limit: 100_000 })
    await this.#runner.resume?.(new Set(left.map(({ id }) => id)))
    // its process died before it was put back; with a lease another process may be doing that
    const paused = left.filter((job) => job.paused).map(({ id }) => id)
    if (this.#store.lease === undefined) await this.#rest(paused)
    this.wake()
  }

  /** @param isReceived its upload is accepted although there may be no room any more */
  async create(job: NewJob, isReceived: boolean): Promise<{ job: JobRecord; created: boolean }> {
    const { kinds, jobsMax } = this.#runner
    try {
      return await this.#store.create(job, isReceived ? undefined : { kinds, max: jobsMax })
    } finally {
      this.wake()
    }
  }

  /** Undefined unless this job is running. */
  readingOf(jobId: string): RunReading | undefined {
    return this.#running.get(jobId)?.job.reading
  }

  /** Kinds of the jobs that wait here because a disk is full; of each that tries again, until it gets further. */
  get withoutRoom(): JobKind[] {
    const running = [...this.#running.values()].flatMap(({ job }) => (job.waitsForRoom ? job.kind : []))
    const putBack = this.#withoutRoom.kinds.flatMap(({ id, kind }) => (this.#running.has(id) ? [] : kind))
    return [...running, ...putBack]
  }

  async cancel(jobId: string): Promise<JobRecord> {
    // The state is durable first: a run that is still active can commit nothing after it.
    const job = await this.#store.transition(jobId, { from: activeJobStates, to: 'cancelled' })
    announceEnd(job, this.#options)
    const running = this.#running.get(jobId)
    const end = running && (await stopped(running, 'cancelled'))
    if (end !== 'ended') await this.#discard(jobId) // also if it was just being put back
    return job
  }

  /**
   * A running job that is paused stops immediately; the next one starts.
   * @throws AlikeError `job_not_found`, `job_finished`
   */
  async steer(jobId: string, steering: JobSteering): Promise<JobRecord> {
    const job = await this.#store.steer(jobId, steering)
    const running = this.#running.get(jobId)
    if (steering.paused === true && running !== undefined) await stopped(running, 'paused')
    this.wake()
    return (await this.#store.get(jobId)) ?? job
  }

  async close(crashed: boolean): Promise<void> {
    const passed = this.#passes.close()
    await Promise.allSettled([...this.#running.values()].map((running) => stopped(running, 'closing')))
    await passed
    for (const id of this.#withoutRoom.close()) await this.#leave(id)
    if (!crashed && this.#options.galleries.failure === undefined) await this.#rest(this.#begun)
  }

  /**
   * Stores stopped jobs as waiting, so that they are not taken for crashes. If that fails, the next process is merely more
   * careful with them.
   */
  async #rest(ids: Iterable<string>): Promise<void> {
    for (const id of ids)
      try {
        if ((await this.#store.get(id))?.state === 'running')
          await this.#store.transition(id, { from: ['running'], to: 'queued' })
      } catch (error) {
        if (hasCode(error, 'job_taken_over')) continue
        this.#options.logger.error({ err: error, jobId: id }, 'the remaining state of a job could not be stored')
      }
  }

  /** Starts the next jobs, unless as many are running as may. */
  wake(): void {
    if (this.#options.runsJobs === false) return
    if (this.#running.size > 0 && this.#store.lease !== undefined) this.#passes.beginIn(idleFirstMs)
    else this.#passes.begin()
  }

  async #startNext(): Promise<void> {
    const { kinds, jobsAtOnce } = this.#runner
    try {
      await this.#leaveOver() // first: no job is started while what it needs is deleted
      while (this.#running.size < jobsAtOnce) {
        const busy = [...this.#running.values()].map(({ galleryUid }) => galleryUid)
        const record = await this.#store.claim(kinds, [...busy, ...this.#withoutRoom.galleries])
        if (record === undefined) return
        if (this.#passes.isClosed) return await this.#release(record)
        await this.#recovered(this.#start(record))
        if (this.#store.lease !== undefined) return this.wake()
      }
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the next job could not be started')
      this.#passes.beginIn(retryMs)
    }
  }

  /** Jobs that found a disk full here, and that another process goes on with, or that are paused, no longer wait for room. */
  async #leaveOver(): Promise<void> {
    for (const id of this.#withoutRoom.over.filter((jobId) => !this.#running.has(jobId))) {
      const job = await this.#store.get(id)
      if (job?.state === 'queued' && !job.paused) {
        this.#withoutRoom.prolong(id)
        continue
      }
      this.#withoutRoom.forget(id)
      await this.#leave(id)
    }
  }

  /** Or other processes would wait until its lease has expired. */
  async #release({ id }: JobRecord): Promise<void> {
    await this.#store
      .release(id)
      .catch((err: unknown) => this.#options.logger.warn({ err, jobId: id }, 'a claimed job could not be given back'))
  }

  #start(record: JobRecord): ClaimedJob {
    const begunHere = this.#begun.has(record.id)
    const noRoomAt = this.#withoutRoom.positionOf(record.id)
    const job = new ClaimedJob(record, { ...this.#options, runner: this.#runner, begunHere, noRoomAt })
    const ended = this.#runToEnd(job, record).finally(() => this.#running.delete(job.id))
    this.#running.set(job.id, { job, galleryUid: record.galleryUid, ended })
    ended.then(
      (end) => {
        // otherwise nothing more can be run for now: the process is stopping, or its storage is lost or full
        if (end !== 'unstored' && end !== 'stopped') this.wake()
      },
      (error: unknown) => {
        this.#options.logger.error({ err: error, jobId: job.id }, 'the outcome of a job could not be stored')
        this.#passes.beginIn(retryMs)
      },
    )
    return job
  }

  /** A crash is then known to be due to this job: the others would be blamed too. */
  async #recovered(job: ClaimedJob): Promise<void> {
    const waiting = new AbortController()
    await Promise.race([job.recovered, sleep(recoveryMaxMs, undefined, { ref: false, signal: waiting.signal })])
    waiting.abort()
  }

  async #runToEnd(job: ClaimedJob, record: JobRecord): Promise<ClaimedEnd> {
    const end = await job.run().finally(() => {
      if (job.hasBegun) this.#begun.add(job.id)
      if (job.foundNoRoom) this.#withoutRoom.note(record)
      else this.#withoutRoom.forget(job.id)
    })
    if (end === 'noRoom') this.#withoutRoom.leaveOut(record)
    if (end === 'unstored') this.#passes.beginIn(retryMs) // there may be space by then
    if (end === 'unstored' || end === 'stopped') return end
    this.#begun.delete(job.id)
    if (end === 'ended') {
      await this.#discard(job.id)
      await forgetOld(this.#options)
    } else if (end !== 'noRoom' || this.#withoutRoom.aheadOf(job.id) >= this.#runner.jobsAtOnce)
      await this.#leave(job.id)
    return end
  }

  /** The job has ended, whatever becomes of what it needed. */
  async #discard(jobId: string): Promise<void> {
    this.#withoutRoom.forget(jobId)
    await this.#deleted(jobId, this.#runner.discard?.(jobId))
  }

  /** Any process may go on with the job. */
  async #leave(jobId: string): Promise<void> {
    await this.#deleted(jobId, this.#runner.leave?.(jobId))
  }

  async #deleted(jobId: string, deleting: Promise<void> | undefined): Promise<void> {
    await deleting?.catch((error: unknown) => {
      const fields = { err: error, jobId }
      this.#options.logger.warn(fields, 'what a job needed here could not be deleted; a later start does')
    })
  }
}

function stopped({ job, ended }: Running, reason: 'cancelled' | 'paused' | 'closing'): Promise<ClaimedEnd> {
  job.stop(reason)
  return ended
}
