/** The rows of jobs. A change reads the row, changes it and writes it whole, within one transaction. */
import { AlikeError, catalogue } from '../../../errors.js'
import type { JobError, JobProgress, StoredCounts } from '../../../gallery/job-progress.js'
import type { JsonValue } from '../../../gallery/records.js'
import {
  activeJobStates,
  endedJobStates,
  type JobKind,
  type JobRecord,
  type JobState,
  type JobTrials,
  jobKinds,
  jobStates,
} from '../../../jobs/job.js'
import type {
  JobListOptions,
  JobResult,
  JobSteering,
  JobTransition,
  NewJob,
  PendingWebhook,
  WebhookNote,
} from '../../../jobs/job-store.js'
import { cutText } from '../../../text.js'
import { checksumOfValues, expectChecksum } from './checksum.js'
import { type Database, damaged, type Statement } from './database.js'
import { JobErrorRows } from './job-error-rows.js'
import { WebhookTable } from './webhook-table.js'

interface JobRow {
  number: number
  id: string
  gallery: string
  gallery_uid: string
  state: string
  source: string
  total: number | null
  added: number
  updated: number
  removed: number
  skipped: number
  failed: number
  position: number
  failure: string | null
  idempotency_key: string | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  kind: string
  trials: string | null
  replaced: number
  names_assumed: number
  priority: number
  paused: number
}
type StoredRow = JobRow & { checksum: number }

/** Kinds and states as JSON lists. */
interface ListParameters {
  gallery: string | null
  kinds: string
  states: string
  limit: number
}

/** Of what is told about an error; the causes, with all they say, are in the log. */
const detailMaxLength = 1_000
/** Of what a source calls an item: as long as an id may be. */
const nameMaxLength = 512
const defaultListLimit = 100
const defaultErrorsLimit = 1_000

export class JobTable {
  readonly #database: Database
  readonly #byId: Statement<[string], StoredRow>
  readonly #byIdempotencyKey: Statement<[string, string], StoredRow>
  readonly #next: Statement<[Pick<ListParameters, 'kinds' | 'states'>], StoredRow>
  readonly #webhooks: WebhookTable
  readonly #newest: Statement<[ListParameters], StoredRow>
  readonly #oldest: Statement<[ListParameters], StoredRow>
  readonly #count: Statement<[{ kinds: string; states: string }], number>
  readonly #errors: JobErrorRows
  readonly #insert: Statement<[Omit<StoredRow, 'number'>]>
  readonly #update: Statement<[StoredRow]>
  readonly #insertResult: Statement<[number, string, number]>
  readonly #result: Statement<[number], { job: number; result: string; checksum: number }>
  readonly #forgetResults: Statement<[string]>
  readonly #forget: Statement<[string]>

  constructor(database: Database) {
    this.#database = database
    this.#byId = database.prepare('SELECT * FROM job WHERE id = ?')
    this.#byIdempotencyKey = database.prepare('SELECT * FROM job WHERE gallery_uid = ? AND idempotency_key = ?')
    const fitting = 'state IN (SELECT value FROM json_each(@states)) AND kind IN (SELECT value FROM json_each(@kinds))'
    const listed = `SELECT * FROM job WHERE (@gallery IS NULL OR gallery = @gallery) AND ${fitting} ORDER BY number`
    this.#newest = database.prepare(`${listed} DESC LIMIT @limit`)
    this.#oldest = database.prepare(`${listed} LIMIT @limit`)
    this.#count = database
      .prepare<[{ kinds: string; states: string }], number>(`SELECT count(*) FROM job WHERE ${fitting}`)
      .pluck()
    this.#next = database.prepare(
      `SELECT * FROM job WHERE paused = 0 AND ${fitting} ORDER BY priority DESC, number LIMIT 1`,
    )
    this.#errors = new JobErrorRows(database)
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
    this.#insertResult = database.prepare('INSERT INTO job_result VALUES (?, ?, ?)')
    this.#result = database.prepare('SELECT * FROM job_result WHERE job = ?')
    this.#forgetResults = database.prepare(
      'DELETE FROM job_result WHERE job IN (SELECT number FROM job WHERE finished_at < ?)',
    )
    this.#forget = database.prepare('DELETE FROM job WHERE finished_at < ?')
  }

  get(id: string): JobRecord | undefined {
    const row = this.#row(id)
    return row && recordOf(row)
  }

  list({
    gallery,
    kinds = jobKinds,
    states = jobStates,
    limit = defaultListLimit,
    order = 'newest',
  }: JobListOptions = {}): JobRecord[] {
    return (order === 'newest' ? this.#newest : this.#oldest)
      .all({ gallery: gallery ?? null, kinds: JSON.stringify(kinds), states: JSON.stringify(states), limit })
      .map((row) => recordOf(checked(row)))
  }

  /** The next to be begun. */
  next(kinds: readonly JobKind[]): JobRecord | undefined {
    const row = this.#next.get({ kinds: JSON.stringify(kinds), states: JSON.stringify(activeJobStates) })
    return row && recordOf(checked(row))
  }

  /** Their rows are neither read nor compared. */
  count({ kinds, states }: { kinds: readonly JobKind[]; states: readonly JobState[] }): number {
    return this.#count.get({ kinds: JSON.stringify(kinds), states: JSON.stringify(states) })!
  }

  errors(
    id: string,
    { fromItem = 0, limit = defaultErrorsLimit }: { fromItem?: number; limit?: number } = {},
  ): JobError[] {
    const row = this.#row(id)
    return row === undefined ? [] : this.#errors.page(row.number, row.failed, fromItem, limit)
  }

  /**
   * Compares the record of every job with its checksum: lists look for jobs by what their rows say, and leave out one
   * that says something else.
   * @throws AlikeError `data_unreadable`
   */
  verifyRecords(onRow: () => void = () => {}): void {
    for (const row of this.#database.prepare<[], StoredRow>('SELECT * FROM job').iterate()) {
      checked(row)
      onRow()
    }
  }

  /**
   * The same of error reports and results as well.
   * @param onRow told of each row, so that a long walk can be ended by throwing.
   */
  verifyAll(onRow: () => void): void {
    this.verifyRecords(onRow)
    this.#errors.verifyAll(onRow)
    for (const { job, result, checksum } of this.#database
      .prepare<[], { job: number; result: string; checksum: number }>('SELECT * FROM job_result')
      .iterate()) {
      expectChecksum(checksumOfValues([job, result]), checksum, 'The result of a job')
      onRow()
    }
  }

  result(id: string): string | undefined {
    const job = this.#row(id)
    if (job === undefined || job.kind === 'ingest' || job.state !== 'succeeded') return undefined
    const row = this.#result.get(job.number)
    if (row === undefined) throw damaged('The result of a job is missing.')
    expectChecksum(checksumOfValues([row.job, row.result]), row.checksum, 'The result of a job')
    return row.result
  }

  create(job: NewJob, galleryUid: string, at: string): { job: JobRecord; created: boolean } {
    if (job.idempotencyKey !== undefined) {
      const existing = this.#byIdempotencyKey.get(galleryUid, job.idempotencyKey)
      if (existing !== undefined) return { job: recordOf(checked(existing)), created: false }
    }
    const row: Omit<JobRow, 'number'> = {
      id: job.id,
      gallery: job.gallery,
      gallery_uid: galleryUid,
      state: 'queued',
      source: JSON.stringify(job.source),
      total: job.total ?? null,
      added: 0,
      updated: 0,
      removed: 0,
      skipped: 0,
      failed: 0,
      position: 0,
      failure: null,
      idempotency_key: job.idempotencyKey ?? null,
      created_at: at,
      started_at: null,
      finished_at: null,
      kind: job.kind ?? 'ingest',
      trials: null,
      replaced: 0,
      names_assumed: 0,
      priority: job.priority ?? 0,
      paused: 0,
    }
    const { lastInsertRowid } = this.#insert.run({ ...row, checksum: checksumOf(row) })
    if (job.webhook !== undefined) this.#webhooks.add(Number(lastInsertRowid), job.webhook)
    return { job: recordOf(row), created: true }
  }

  /** @throws AlikeError `job_not_found`, `job_finished`. */
  transition(id: string, { from, to, total, failure, trials }: JobTransition, at: string): JobRecord {
    const row = this.#existing(id)
    if (!from.includes(row.state as JobState)) throw new AlikeError('job_finished', { detail: `It is ${row.state}.` })
    const ended = (endedJobStates as readonly JobState[]).includes(to)
    const changed: JobRow = {
      ...row,
      state: to,
      total: total ?? row.total,
      failure:
        failure !== undefined
          ? JSON.stringify({ ...failure, detail: cutText(failure.detail, detailMaxLength) })
          : ended
            ? null
            : row.failure,
      trials: trials === undefined ? row.trials : JSON.stringify(trials),
      started_at: to === 'running' ? (row.started_at ?? at) : row.started_at,
      finished_at: ended ? at : null,
    }
    this.#save(changed)
    return recordOf(changed)
  }

  /** @throws AlikeError `job_not_found`, `job_finished` when it has ended */
  steer(id: string, { priority, paused }: JobSteering): JobRecord {
    const row = this.#existing(id)
    if (row.finished_at !== null) throw new AlikeError('job_finished', { detail: `It is ${row.state}.` })
    const changed: JobRow = {
      ...row,
      priority: priority ?? row.priority,
      paused: paused === undefined ? row.paused : Number(paused),
    }
    this.#save(changed)
    return recordOf(changed)
  }

  /** Of jobs that have ended. */
  webhooks(): PendingWebhook[] {
    return this.#webhooks.pending()
  }

  noteWebhook(id: string, next: WebhookNote): void {
    const row = this.#row(id)
    if (row !== undefined) this.#webhooks.note(row.number, next)
  }

  /** @throws AlikeError `job_not_found`, `job_finished` unless the job is running. */
  note(id: string, trials: JobTrials): void {
    const row = this.#existing(id)
    if (row.state !== 'running') throw new AlikeError('job_finished', { detail: `It is ${row.state}.` })
    this.#save({ ...row, trials: JSON.stringify(trials) })
  }

  /** By what its items came to. @throws AlikeError `job_not_found`, `job_finished` */
  complete(id: string, total: number, at: string): JobRecord {
    const { added, updated, removed, skipped, failed } = this.#existing(id)
    const taken = added + updated + removed + skipped
    const to = failed === 0 ? 'succeeded' : taken > 0 ? 'completed_with_errors' : 'failed'
    const failure = to === 'failed' ? { failure: { code: 'job_items_failed', detail: catalogue.job_items_failed } } : {}
    return this.transition(id, { from: ['running'], to, total, ...failure }, at)
  }

  /**
   * Throwing undoes the records written with it.
   * @param galleryUid of the gallery that now has the name the job was made for
   * @throws AlikeError `job_finished` unless the job is running; `gallery_not_found` when that is not the job's gallery
   * but another one of its name.
   */
  advance(
    { jobId, position, skipped = 0, errors = [], replaced = [], notes = [], namesAssumed = 0 }: JobProgress,
    stored: StoredCounts,
    galleryUid: string | undefined,
  ): void {
    const row = this.#running(jobId, galleryUid)
    this.#save({
      ...row,
      added: row.added + stored.added,
      updated: row.updated + stored.updated,
      removed: row.removed + stored.removed,
      skipped: row.skipped + skipped + stored.idle,
      failed: row.failed + errors.length,
      replaced: row.replaced + replaced.length,
      names_assumed: row.names_assumed + namesAssumed,
      position: Math.max(row.position, position),
      trials: row.trials === null ? null : JSON.stringify(afterProgress(JSON.parse(row.trials) as JobTrials)),
    })
    for (const error of [...errors, ...replaced, ...notes])
      this.#errors.insert(row.number, {
        ...error,
        name: cutText(error.name, nameMaxLength),
        detail: cutText(error.detail, detailMaxLength),
      })
  }

  /** @throws AlikeError as `advance` does. */
  finish(id: string, { total, result }: JobResult, galleryUid: string | undefined, at: string): JobRecord {
    const row = this.#running(id, galleryUid)
    const changed: JobRow = { ...row, state: 'succeeded', total, position: total, failure: null, finished_at: at }
    this.#save(changed)
    this.#insertResult.run(row.number, result, checksumOfValues([row.number, result]))
    return recordOf(changed)
  }

  forget(finishedBefore: string): number {
    this.#forgetResults.run(finishedBefore)
    this.#webhooks.forget(finishedBefore)
    this.#errors.forget(finishedBefore)
    return this.#forget.run(finishedBefore).changes
  }

  #running(id: string, galleryUid: string | undefined): JobRow {
    const row = this.#existing(id)
    if (row.state !== 'running') throw new AlikeError('job_finished', { detail: `It is ${row.state}.` })
    if (row.gallery_uid !== galleryUid) throw new AlikeError('gallery_not_found')
    return row
  }

  #existing(id: string): JobRow {
    const row = this.#row(id)
    if (row === undefined) throw new AlikeError('job_not_found')
    return row
  }

  #row(id: string): JobRow | undefined {
    const row = this.#byId.get(id)
    return row && checked(row)
  }

  #save(row: JobRow): void {
    this.#update.run({ ...row, checksum: checksumOf(row) })
  }
}

/** Of the runs that got nowhere, the one that now got further is left. */
function afterProgress({ runs, givenUp }: JobTrials): JobTrials {
  return { runs: Math.min(runs, 1), alone: null, givenUp }
}

function recordOf(row: Omit<JobRow, 'number'>): JobRecord {
  const { added, updated, removed, skipped, failed } = row
  return {
    id: row.id,
    kind: row.kind as JobKind,
    gallery: row.gallery,
    galleryUid: row.gallery_uid,
    state: row.state as JobState,
    source: JSON.parse(row.source) as JsonValue,
    total: row.total,
    done: row.kind === 'ingest' ? added + updated + removed + skipped + failed : row.position,
    added,
    updated,
    removed,
    skipped,
    failed,
    replaced: row.replaced,
    namesAssumed: row.names_assumed,
    position: row.position,
    trials: row.trials === null ? null : (JSON.parse(row.trials) as JobTrials),
    failure: row.failure === null ? null : (JSON.parse(row.failure) as { code: string; detail: string }),
    idempotencyKey: row.idempotency_key,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    priority: row.priority,
    paused: row.paused === 1,
  }
}

function checked(row: StoredRow): StoredRow {
  expectChecksum(checksumOf(row), row.checksum, `The record of job ${row.id}`)
  return row
}

/** Rows of the time before there were kinds have a checksum without one. */
function checksumOf(row: Omit<JobRow, 'number'>): number {
  return checksumOfValues([
    row.id,
    row.gallery,
    row.gallery_uid,
    row.state,
    row.source,
    row.total,
    row.added,
    row.updated,
    row.skipped,
    row.failed,
    row.position,
    row.failure,
    row.idempotency_key,
    row.created_at,
    row.started_at,
    row.finished_at,
    // Younger than the other columns: rows written before them keep their checksum.
    ...(row.kind === 'ingest' ? [] : [row.kind]),
    ...(row.removed === 0 ? [] : [row.removed]),
    ...(row.trials === null ? [] : [row.trials]),
    ...(row.replaced === 0 && row.names_assumed === 0 ? [] : ['replaced', row.replaced, row.names_assumed]),
    ...(row.priority === 0 && row.paused === 0 ? [] : ['steered', row.priority, row.paused]),
  ])
}
