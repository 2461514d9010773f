/**
 * Jobs in PostgreSQL, shared by every process that reaches it. Longer than most files because it is the single list of
 * operations.
 */
import { randomUUID } from 'node:crypto'
import { AlikeError, hasCode } from '../errors.js'
import type { JobProgress, StoredCounts } from '../gallery/job-progress.js'
import { type JobKind, type JobRecord, type JobTrials, jobKinds, type RunReading } from '../jobs/job.js'
import {
  advanced,
  completed,
  countOfKinds,
  linesOf,
  newRecord,
  noted,
  queueFull,
  steered,
  succeeded,
  transitioned,
} from '../jobs/job-changes.js'
import { recordWithoutSource } from '../jobs/job-row.js'
import type {
  JobCount,
  JobListOptions,
  JobResult,
  JobRoom,
  JobSteering,
  JobStore,
  JobTransition,
  NewJob,
  WebhookNote,
  WebhookTimes,
} from '../jobs/job-store.js'
import { askLock, lockKinds } from './advisory-locks.js'
import { type Claim, claimMaxMs, type JobQueues } from './job-queues.js'
import {
  columnsWithoutSource,
  countJobs,
  deliveryOf,
  forgetJobs,
  heldRow,
  insertJob,
  insertLines,
  interruptedBeside,
  type JobNeed,
  jobsByNeed,
  linesOfJob,
  listJobs,
  noteClaim,
  type PlacedSet,
  revokeClaim,
  rowOfId,
  type SetOfJobs,
  type StoredRow,
  saveJob,
  setsWithJobs,
  storedRecord,
} from './job-table.js'
import { type Notices, notify } from './notices.js'
import type { Postgres, Sql } from './postgres.js'
import { addWebhook, noteWebhook, takeWebhooks } from './webhook-rows.js'

/** What this process can run: other jobs are left to other processes. */
export interface JobReach {
  /** Whether only another process can read the set. Default: none is. */
  isElsewhere(set: PlacedSet): boolean
  /** Whether an engine is configured here. Default: all are. */
  hasEngine(engine: string): boolean
  /** Whether a model is installed here. Default: all are. */
  hasModel(modelId: string): boolean
}

export interface PostgresJobsOptions extends Partial<JobReach> {
  postgres: Postgres
  queues: JobQueues
  notices: Notices
  /** How often a run renews its claim. */
  renewEveryMs: number
  /** The current time, ISO 8601. */
  now(): string
}

const nothing: StoredCounts = { added: 0, updated: 0, removed: 0, idle: 0 }

export class PostgresJobs implements JobStore {
  readonly lease: { renewEveryMs: number; maxMs: number }
  readonly #options: PostgresJobsOptions
  readonly #postgres: Postgres
  readonly #queues: JobQueues
  readonly #reach: JobReach
  /** Jobs held by this process, by id. A lost claim stays until the next one: its writes are refused. */
  readonly #claims = new Map<string, Claim>()

  constructor(options: PostgresJobsOptions) {
    this.#options = options
    this.#postgres = options.postgres
    this.#queues = options.queues
    const { isElsewhere = () => false, hasEngine = () => true, hasModel = () => true } = options
    this.#reach = { isElsewhere, hasEngine, hasModel }
    this.lease = { renewEveryMs: options.renewEveryMs, maxMs: claimMaxMs }
  }

  create(job: NewJob, room?: JobRoom): Promise<{ job: JobRecord; created: boolean }> {
    return this.#postgres.transaction(async (sql) => {
      // one after the other: none sees what another has not yet committed
      if (room !== undefined) await askLock(sql, 'pg_advisory_xact_lock', lockKinds.arrivals, room.kinds.join())
      const galleryUid = await uidOf(sql, job.gallery)
      if (galleryUid === undefined) throw new AlikeError('gallery_not_found')
      const record = newRecord(job, galleryUid, this.#options.now())
      const delivery = randomUUID()
      const row = await insertJob(sql, record, delivery)
      if (row.delivery !== delivery) return { job: storedRecord(row), created: false }
      if (room !== undefined && countOfKinds(await countJobs(sql), room.kinds) > room.max) throw queueFull()
      await this.#queues.send(sql, deliveryOf(row), record)
      if (job.webhook !== undefined) await addWebhook(sql, row.number, job.webhook)
      await notify(sql, { job: job.id })
      return { job: record, created: true }
    })
  }

  async claim(kinds: readonly JobKind[], busy: readonly string[] = []): Promise<JobRecord | undefined> {
    for (const preferred = new Set<number>(); ; ) {
      const found = await this.#postgres
        .transaction((sql) => this.#claimOn(sql, kinds, busy, preferred))
        .catch((error: unknown) => {
          if (hasCode(error, 'gallery_elsewhere')) return { ahead: [] }
          throw error
        })
      if (found === undefined) return undefined
      if ('row' in found) {
        this.#claims.set(found.row.id, found.claim)
        return storedRecord(found.row)
      }
      for (const number of found.ahead) preferred.add(number)
    }
  }

  /**
   * @param preferred numbers of interrupted jobs that have been put first already
   * @returns numbers of jobs that it has put first instead, to be called again; undefined if there is nothing to claim
   * @throws AlikeError `gallery_elsewhere`, to undo it, if the job came since its gallery was looked for
   */
  async #claimOn(
    sql: Sql,
    kinds: readonly JobKind[],
    busy: readonly string[],
    preferred: ReadonlySet<number>,
  ): Promise<{ claim: Claim; row: StoredRow } | { ahead: number[] } | undefined> {
    const elsewhere = await this.#galleriesElsewhere(sql, kinds)
    // a run whose lease has expired is still one of this process: the same job would be run twice, under one claim
    const claim = await this.#queues.claim(sql, kinds, [...elsewhere, ...busy])
    if (claim === undefined) return undefined
    const row = await noteClaim(sql, claim)
    // belongs to a job that has ended or been deleted
    if (row === undefined) {
      await this.#queues.remove(sql, claim)
      return { ahead: [] }
    }
    if (!elsewhere.includes(row.gallery_uid)) {
      const since = await this.#galleriesElsewhere(sql, kinds)
      if (since.includes(row.gallery_uid)) throw new AlikeError('gallery_elsewhere')
    }
    const interrupted = await interruptedBeside(sql, row, kinds)
    const ahead = interrupted.filter(({ paused, number }) => paused === 0 && !preferred.has(number))
    if (ahead.length > 0) {
      await this.#queues.release(sql, claim, storedRecord(row))
      for (const one of ahead) await this.#queues.prefer(sql, deliveryOf(one), 'first')
      return { ahead: ahead.map(({ number }) => number) }
    }
    for (const one of interrupted) await revokeClaim(sql, one)
    return { claim, row }
  }

  /** Uids of those with unfinished jobs that another process has to run. */
  async #galleriesElsewhere(sql: Sql, kinds: readonly JobKind[]): Promise<string[]> {
    const { hasModel } = this.#reach
    const isOfOthers = (set: SetOfJobs) => this.#isOutOfReach(set) || (set.needsModel && !hasModel(set.modelId))
    return (await setsWithJobs(sql, kinds)).filter(isOfOthers).map(({ galleryUid }) => galleryUid)
  }

  #isOutOfReach(set: SetOfJobs): boolean {
    return set.isRead && (this.#reach.isElsewhere(set) || !this.#reach.hasEngine(set.engine))
  }

  /**
   * By each engine that they need, how many unfinished jobs are not paused: 0 if this process has it. Those of galleries
   * that only another process can read are left out.
   * @throws AlikeError `store_unreachable`
   */
  withoutEngine(): Promise<{ name: string; count: number }[]> {
    const { isElsewhere, hasEngine } = this.#reach
    return this.#without('engine', hasEngine, (set) => set.isRead && isElsewhere(set))
  }

  /** The same by the id of their model. Those of galleries whose engine this process does not have are left out, too. */
  withoutModel(): Promise<{ name: string; count: number }[]> {
    return this.#without('model_id', this.#reach.hasModel, (set) => this.#isOutOfReach(set))
  }

  async #without(need: JobNeed, has: (name: string) => boolean, isLeftOut: (set: SetOfJobs) => boolean) {
    const leftOut = (await setsWithJobs(this.#postgres, jobKinds)).filter(isLeftOut).map(({ galleryUid }) => galleryUid)
    const needed = await jobsByNeed(this.#postgres, need, leftOut)
    return needed.map(({ name, count }) => ({ name, count: has(name) ? 0 : count }))
  }

  async release(id: string): Promise<void> {
    const claim = this.#claims.get(id)
    await this.#postgres.transaction(async (sql) => {
      const row = await heldRow(sql, id, claim)
      if (claim === undefined || row.finished_at !== null) return
      await this.#queues.release(sql, claim, storedRecord(row))
      await notify(sql, { job: id })
    })
    this.#claims.delete(id)
  }

  async renew(id: string, reading: RunReading | undefined): Promise<JobRecord | undefined> {
    const claim = this.#claims.get(id)
    if (claim === undefined) return undefined
    return this.#postgres.transaction(async (sql) => {
      // lock the job before its queue entry, as every change does, to avoid a deadlock
      await sql.query('SELECT 1 FROM alike.job WHERE id = $1 FOR UPDATE', [id])
      const isHeld = await this.#queues.renew(sql, claim)
      const [row] = await sql.query<StoredRow>(
        `UPDATE alike.job SET reading = CASE WHEN $3 THEN $2 ELSE reading END WHERE id = $1 RETURNING *`,
        [id, reading === undefined ? null : JSON.stringify(reading), isHeld],
      )
      // a job that has ended is held by no process
      if (row === undefined || (!isHeld && row.finished_at === null)) return undefined
      if (isHeld && reading !== undefined) await notify(sql, { job: id })
      return storedRecord(row)
    })
  }

  onChange(listener: (jobId: string | undefined) => void): () => void {
    return this.#options.notices.listen((notice) => {
      if (notice === undefined || notice.job !== undefined) listener(notice?.job)
    })
  }

  transition(id: string, transition: JobTransition): Promise<JobRecord> {
    const ofRun = transition.to !== 'cancelled'
    return this.#change(id, (job) => transitioned(job, transition, this.#options.now()), { ofRun })
  }

  complete(id: string, total: number): Promise<JobRecord> {
    return this.#change(id, (job) => completed(job, total, this.#options.now()))
  }

  finish(id: string, result: JobResult): Promise<JobRecord> {
    return this.#change(id, async (job, row, sql) => {
      const record = succeeded(job, result, await uidOf(sql, job.gallery), this.#options.now())
      await sql.query('INSERT INTO alike.job_result VALUES ($1, $2)', [row.number, result.result])
      return record
    })
  }

  steer(id: string, steering: JobSteering): Promise<JobRecord> {
    return this.#change(id, (job) => steered(job, steering), { ofRun: false })
  }

  async note(id: string, trials: JobTrials): Promise<void> {
    await this.#write(id, (job) => noted(job, trials))
  }

  async advance(progress: JobProgress, stored = nothing): Promise<void> {
    await this.#write(progress.jobId, async (job, row, sql) => {
      const record = advanced(job, progress, stored, await uidOf(sql, job.gallery))
      await insertLines(sql, row.number, linesOf(progress))
      return record
    })
  }

  webhooks(room: number, times: WebhookTimes) {
    return takeWebhooks(this.#postgres, room, times)
  }

  noteWebhook(id: string, next: WebhookNote): Promise<void> {
    return noteWebhook(this.#postgres, id, next)
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const row = await rowOfId(this.#postgres, id)
    return row && storedRecord(row)
  }

  async result(id: string): Promise<string | undefined> {
    const [row] = await this.#postgres.query<{ result: string }>(
      'SELECT result FROM alike.job_result JOIN alike.job ON number = job WHERE id = $1',
      [id],
    )
    return row?.result
  }

  list(options?: JobListOptions): Promise<JobRecord[]> {
    return listJobs(this.#postgres, options)
  }

  counts(): Promise<JobCount[]> {
    return countJobs(this.#postgres)
  }

  errors(id: string, options?: { fromItem?: number; limit?: number }) {
    return linesOfJob(this.#postgres, id, options)
  }

  forget(finishedBefore: string): Promise<number> {
    return forgetJobs(this.#postgres, finishedBefore)
  }

  /** A change that may move the job in its queue. @param ofRun false: any process may make it */
  async #change(id: string, change: Change, { ofRun = true } = {}): Promise<JobRecord> {
    const after = await this.#postgres.transaction(async (sql) => {
      const row = await heldRow(sql, id, ofRun ? this.#claims.get(id) : undefined)
      const before = storedRecord(row)
      const changed = await change(before, row, sql)
      await saveJob(sql, row.number, changed)
      await this.#requeue(sql, row, before, changed)
      await notify(sql, { job: id })
      return changed
    })
    // only after the commit: a run that continues after all is still bound to its claim
    if (after.finishedAt !== null) this.#claims.delete(id)
    return after
  }

  /** The same for a job that keeps its place, without reading its source. */
  #write(id: string, change: Change): Promise<void> {
    return this.#postgres.transaction(async (sql) => {
      const row = await heldRow(sql, id, this.#claims.get(id), columnsWithoutSource)
      await saveJob(sql, row.number, await change(recordWithoutSource(row), row, sql))
      await notify(sql, { job: id })
    })
  }

  async #requeue(sql: Sql, row: StoredRow, before: JobRecord, after: JobRecord): Promise<void> {
    const delivery = deliveryOf(row)
    if (after.finishedAt !== null) return this.#queues.remove(sql, delivery)
    if (before.state === 'running' && after.state === 'queued') return this.#queues.release(sql, delivery, after)
    const isUnpaused = before.paused && !after.paused
    // a running one too: its process may have died as it was to put it back
    if (isUnpaused) await this.#queues.unpause(sql, delivery)
    if (after.state !== 'queued') return
    if (after.paused && !before.paused) await this.#queues.pause(sql, delivery)
    if (isUnpaused || (!after.paused && after.priority !== before.priority))
      await this.#queues.prefer(sql, delivery, after.priority)
  }
}

type Change = (job: JobRecord, row: StoredRow, sql: Sql) => JobRecord | Promise<JobRecord>

/** Uid of the gallery that currently has the name. */
async function uidOf(sql: Sql, gallery: string): Promise<string | undefined> {
  const [row] = await sql.query<{ uid: string }>('SELECT uid FROM alike.gallery WHERE name = $1', [gallery])
  return row?.uid
}
