/** The rows of jobs. A change reads the row, modifies it and writes it back whole, within one transaction. */
import { AlikeError } from '../../../../errors.js'
import type { JobError, JobProgress, StoredCounts } from '../../../../gallery/job-progress.js'
import {
  activeJobStates,
  hasResult,
  type JobKind,
  type JobRecord,
  type JobTrials,
  jobKinds,
  jobStates,
} from '../../../../jobs/job.js'
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
} from '../../../../jobs/job-changes.js'
import { changedColumns, recordOf, recordWithoutSource, rowOf } from '../../../../jobs/job-row.js'
import type {
  JobCount,
  JobListOptions,
  JobResult,
  JobRoom,
  JobSteering,
  JobTransition,
  NewJob,
  PendingWebhook,
  WebhookNote,
} from '../../../../jobs/job-store.js'
import type { Database, Statement } from '../database/database.js'
import { JobErrorRows, type JobErrorsPage, linesAtOnce } from './job-error-rows.js'
import { JobResultRows } from './job-result-rows.js'
import { jobRows, type NumberedJobRow, type StoredJobRow } from './stored-job-row.js'
import { WebhookTable } from './webhook-table.js'

/** JSON lists. */
interface KindsAndStates {
  kinds: string
  states: string
}

type CountRow = Omit<JobCount, 'paused'> & { paused: number }

interface ListParameters extends KindsAndStates {
  gallery: string | null
  limit: number
}

const defaultListLimit = 100
/** Jobs deleted in one step. */
const jobsAtOnce = 500

/** Ended jobs are looked for at the end of each: without an index, all that are retained would be read. */
export const jobsByEnd = 'CREATE INDEX job_by_end ON job (finished_at) WHERE finished_at IS NOT NULL;'

export class JobTable {
  readonly #byId: Statement<[string], StoredJobRow>
  readonly #byIdempotencyKey: Statement<[string, string], StoredJobRow>
  readonly #next: Statement<[KindsAndStates & { busy: string }], StoredJobRow>
  readonly #webhooks: WebhookTable
  readonly #newest: Statement<[ListParameters], StoredJobRow>
  readonly #counts: Statement<[string], CountRow>
  readonly #errors: JobErrorRows
  readonly #results: JobResultRows
  readonly #insert: Statement<[Omit<StoredJobRow, 'number'>]>
  readonly #update: Statement<[StoredJobRow]>
  readonly #forgettable: Statement<[string, number], number>
  readonly #delete: Statement<[number]>

  constructor(database: Database) {
    this.#byId = database.prepare('SELECT * FROM job WHERE id = ?')
    this.#byIdempotencyKey = database.prepare('SELECT * FROM job WHERE gallery_uid = ? AND idempotency_key = ?')
    const fitting = 'state IN (SELECT value FROM json_each(@states)) AND kind IN (SELECT value FROM json_each(@kinds))'
    const listed = `SELECT * FROM job WHERE (@gallery IS NULL OR gallery = @gallery) AND ${fitting}`
    this.#newest = database.prepare(`${listed} ORDER BY number DESC LIMIT @limit`)
    const unfinished = 'FROM job WHERE state IN (SELECT value FROM json_each(?))'
    this.#counts = database.prepare(`SELECT kind, state, paused, count(*) AS count ${unfinished} GROUP BY 1, 2, 3`)
    this.#next = database.prepare(
      `SELECT * FROM job WHERE paused = 0 AND ${fitting} AND gallery_uid NOT IN (SELECT value FROM json_each(@busy))
       ORDER BY state = 'running' DESC, priority DESC, number LIMIT 1`,
    )
    this.#errors = new JobErrorRows(database)
    this.#results = new JobResultRows(database)
    this.#webhooks = new WebhookTable(database)
    this.#insert = database.prepare(
      `INSERT INTO job (id, kind, gallery, gallery_uid, state, source, total, added, updated, removed, skipped, failed, position,
         failure, idempotency_key, created_at, started_at, finished_at, trials, replaced, names_assumed, priority, paused, checksum)
       VALUES (@id, @kind, @gallery, @gallery_uid, @state, @source, @total, @added, @updated, @removed, @skipped, @failed, @position,
         @failure, @idempotency_key, @created_at, @started_at, @finished_at, @trials, @replaced, @names_assumed, @priority, @paused, @checksum)`,
    )
    this.#update = database.prepare(
      `UPDATE job SET state = @state, total = @total, added = @added, updated = @updated, removed = @removed,
         skipped = @skipped, failed = @failed, position = @position, failure = @failure, started_at = @started_at,
         finished_at = @finished_at, trials = @trials, replaced = @replaced, names_assumed = @names_assumed, priority = @priority, paused = @paused, checksum = @checksum WHERE number = @number`,
    )
    // whoever is to be notified of the others must still be told how they ended
    this.#forgettable = database
      .prepare<[string, number], number>(
        `SELECT number FROM job WHERE finished_at < ?
           AND NOT EXISTS (SELECT 1 FROM webhook WHERE webhook.job = job.number) ORDER BY finished_at LIMIT ?`,
      )
      .pluck()
    this.#delete = database.prepare('DELETE FROM job WHERE number = ?')
  }

  get(id: string): JobRecord | undefined {
    const row = this.#row(id)
    return row && recordOf(row)
  }

  list({ gallery, kinds = jobKinds, states = jobStates, limit = defaultListLimit }: JobListOptions = {}): JobRecord[] {
    return this.#newest
      .all({ gallery: gallery ?? null, kinds: JSON.stringify(kinds), states: JSON.stringify(states), limit })
      .map((row) => recordOf(jobRows.checked(row)))
  }

  /** The next job to start: one that was interrupted, or the next of those that wait. @param busy uids of galleries whose jobs have to wait */
  next(kinds: readonly JobKind[], busy: readonly string[]): JobRecord | undefined {
    const [fitting, states] = [JSON.stringify(kinds), JSON.stringify(activeJobStates)]
    const row = this.#next.get({ kinds: fitting, states, busy: JSON.stringify(busy) })
    return row && recordOf(jobRows.checked(row))
  }

  /** Unfinished jobs, without checking their rows against their checksums. */
  counts(): JobCount[] {
    return this.#counts.all(JSON.stringify(activeJobStates)).map((row) => ({ ...row, paused: row.paused === 1 }))
  }

  errors(id: string, page?: JobErrorsPage): JobError[] {
    const row = this.#row(id)
    return row === undefined ? [] : this.#errors.page(row.number, row.failed, page)
  }

  result(id: string): string | undefined {
    const job = this.#row(id)
    if (job === undefined || !hasResult(job.kind) || job.state !== 'succeeded') return undefined
    return this.#results.get(job.number)
  }

  /** @throws AlikeError `job_queue_full` */
  create(job: NewJob, galleryUid: string, at: string, room?: JobRoom): { job: JobRecord; created: boolean } {
    if (job.idempotencyKey !== undefined) {
      const existing = this.#byIdempotencyKey.get(galleryUid, job.idempotencyKey)
      if (existing !== undefined) return { job: recordOf(jobRows.checked(existing)), created: false }
    }
    if (room !== undefined && countOfKinds(this.counts(), room.kinds) >= room.max) throw queueFull()
    const record = newRecord(job, galleryUid, at)
    const { lastInsertRowid } = this.#insert.run(jobRows.sealed(rowOf(record)))
    if (job.webhook !== undefined) this.#webhooks.add(Number(lastInsertRowid), job.webhook)
    return { job: record, created: true }
  }

  /** @throws AlikeError `job_not_found`, `job_finished` */
  transition(id: string, transition: JobTransition, at: string): JobRecord {
    return this.#change(id, (job) => transitioned(job, transition, at))
  }

  /** @throws AlikeError `job_not_found`, `job_finished` when it has ended */
  steer(id: string, steering: JobSteering): JobRecord {
    return this.#change(id, (job) => steered(job, steering))
  }

  /** Pending webhooks of finished jobs. */
  webhooks(): PendingWebhook[] {
    return this.#webhooks.pending()
  }

  noteWebhook(id: string, next: WebhookNote): void {
    const row = this.#row(id)
    if (row !== undefined) this.#webhooks.note(row.number, next)
  }

  /** @throws AlikeError `job_not_found`, `job_finished` unless the job is running */
  note(id: string, trials: JobTrials): void {
    const row = this.#existing(id)
    this.#save({ ...row, ...changedColumns(noted(recordWithoutSource(row), trials)) })
  }

  /** @throws AlikeError `job_not_found`, `job_finished` */
  complete(id: string, total: number, at: string): JobRecord {
    return this.#change(id, (job) => completed(job, total, at))
  }

  /**
   * Throwing undoes the records written with it.
   * @param galleryUid of the gallery that now has the name of the job's gallery
   * @throws AlikeError `job_finished` unless the job is running; `gallery_not_found` when another gallery now has the
   * name of the job's gallery
   */
  advance(progress: JobProgress, stored: StoredCounts, galleryUid: string | undefined): void {
    const row = this.#existing(progress.jobId)
    this.#save({ ...row, ...changedColumns(advanced(recordWithoutSource(row), progress, stored, galleryUid)) })
    for (const line of linesOf(progress)) this.#errors.insert(row.number, line)
  }

  /** @throws AlikeError as `advance` does */
  finish(id: string, result: JobResult, galleryUid: string | undefined, at: string): JobRecord {
    const { number } = this.#existing(id)
    const record = this.#change(id, (job) => succeeded(job, result, galleryUid, at))
    this.#results.insert(number, result.result)
    return record
  }

  /** Some at a time, so that other writes do not wait long. */
  forget(finishedBefore: string): { jobs: number; more: boolean } {
    this.#webhooks.forgetDamaged(finishedBefore)
    const due = this.#forgettable.all(finishedBefore, jobsAtOnce)
    let [jobs, lines] = [0, 0]
    for (const number of due) {
      const deleted = this.#errors.delete(number)
      lines += deleted
      if (deleted < linesAtOnce) {
        this.#results.delete(number)
        jobs += this.#delete.run(number).changes
      }
      if (lines >= linesAtOnce) return { jobs, more: true }
    }
    return { jobs, more: due.length === jobsAtOnce }
  }

  #change(id: string, change: (job: JobRecord) => JobRecord): JobRecord {
    const row = this.#existing(id)
    const changed = change(recordOf(row))
    this.#save({ ...row, ...changedColumns(changed) })
    return changed
  }

  #existing(id: string): NumberedJobRow {
    const row = this.#row(id)
    if (row === undefined) throw new AlikeError('job_not_found')
    return row
  }

  #row(id: string): NumberedJobRow | undefined {
    const row = this.#byId.get(id)
    return row && jobRows.checked(row)
  }

  #save(row: NumberedJobRow): void {
    this.#update.run(jobRows.sealed(row))
  }
}
