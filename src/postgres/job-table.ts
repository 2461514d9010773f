/** The rows of jobs in PostgreSQL: a change reads and rewrites the whole row in a transaction that locks it. */
import { AlikeError } from '../errors.js'
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { JobError } from '../gallery/job-progress.js'
import { activeJobStates, type JobKind, type JobRecord, jobKinds, jobStates, type RunReading } from '../jobs/job.js'
import { changedColumns, type JobRow, recordOf, rowOf } from '../jobs/job-row.js'
import type { JobCount, JobListOptions } from '../jobs/job-store.js'
import type { Claim, Delivery } from './job-queues.js'
import type { Sql } from './postgres.js'

export interface StoredRow extends JobRow {
  number: number
  delivery: string
  attempt: number | null
  reading: string | null
}

/** The source can be long, and steps do not need it. */
export const columnsWithoutSource =
  'number, id, kind, gallery, gallery_uid, state, total, added, updated, removed, skipped, failed, replaced, names_assumed, ' +
  'position, trials, failure, idempotency_key, created_at, started_at, finished_at, priority, paused, delivery, attempt, reading'

/** Rows inserted per statement. */
const linesAtOnce = 1_000
/** Rows deleted per statement: one that takes longer is broken off, and others wait for what it has locked. */
const forgottenAtOnce = { jobs: 500, lines: 10_000 }
const defaultListLimit = 100
const defaultErrorsLimit = 1_000

export function storedRecord(row: StoredRow): JobRecord {
  const { reading } = row
  // omit undefined members, so that a record is the same wherever it was read
  return reading === null || row.finished_at !== null
    ? recordOf(row)
    : { ...recordOf(row), reading: JSON.parse(reading) as RunReading }
}

export const deliveryOf = ({ kind, delivery }: StoredRow): Delivery => ({ kind: kind as JobKind, delivery })

/**
 * One statement, because the job with the same key may be deleted between two: an update that changes nothing returns
 * the row that is there.
 * @returns the job's row, or the one that already has its key in this gallery
 */
export async function insertJob(sql: Sql, job: JobRecord, delivery: string): Promise<StoredRow> {
  const row = { ...rowOf(job), delivery }
  const columns = Object.keys(row)
  const [stored] = await sql.query<StoredRow>(
    `INSERT INTO alike.job (${columns.join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})
     ON CONFLICT (gallery_uid, idempotency_key) DO UPDATE SET idempotency_key = EXCLUDED.idempotency_key RETURNING *`,
    Object.values(row),
  )
  return stored!
}

export async function rowOfId(sql: Sql, id: string): Promise<StoredRow | undefined> {
  if (id.includes('\0')) return undefined // a text that PostgreSQL cannot search for
  const [row] = await sql.query<StoredRow>('SELECT * FROM alike.job WHERE id = $1', [id])
  return row
}

/**
 * Locks the row until the transaction ends.
 * @param claim under which this process runs the job, if it does
 * @throws AlikeError `job_not_found`; `job_taken_over` if it has since been handed to another process
 */
export async function heldRow(
  sql: Sql,
  id: string,
  claim: Claim | undefined,
  columns: '*' | typeof columnsWithoutSource = '*',
): Promise<StoredRow> {
  const [row] = await sql.query<StoredRow>(`SELECT ${columns} FROM alike.job WHERE id = $1 FOR UPDATE`, [id])
  if (row === undefined) throw new AlikeError('job_not_found')
  if (claim !== undefined && row.finished_at === null && row.attempt !== claim.attempt)
    throw new AlikeError('job_taken_over')
  return row
}

export async function saveJob(sql: Sql, number: number, job: JobRecord): Promise<void> {
  const row = changedColumns(job)
  const sets = Object.keys(row).map((column, i) => `${column} = $${i + 2}`)
  await sql.query(`UPDATE alike.job SET ${sets.join(', ')} WHERE number = $1`, [number, ...Object.values(row)])
}

/** @returns undefined for a delivery whose job is gone */
export async function noteClaim(sql: Sql, { delivery, attempt }: Claim): Promise<StoredRow | undefined> {
  const [row] = await sql.query<StoredRow>(
    'UPDATE alike.job SET attempt = $2, reading = NULL WHERE delivery = $1 AND finished_at IS NULL RETURNING *',
    [delivery, attempt],
  )
  return row
}

/** Other running jobs of the gallery of a job that has just been claimed: their processes have lost them. */
export function interruptedBeside(
  sql: Sql,
  { gallery_uid, number }: StoredRow,
  kinds: readonly JobKind[],
): Promise<StoredRow[]> {
  return sql.query<StoredRow>(
    `SELECT ${columnsWithoutSource} FROM alike.job
     WHERE gallery_uid = $1 AND number <> $2 AND kind = ANY($3) AND state = 'running'`,
    [gallery_uid, number, kinds],
  )
}

/** A process that still runs the job changes nothing more. */
export async function revokeClaim(sql: Sql, { number }: StoredRow): Promise<void> {
  await sql.query('UPDATE alike.job SET attempt = NULL WHERE number = $1', [number])
}

/** A set, and whether its storage was ever prepared: any process with its engine can do that. */
export interface PlacedSet extends Pick<CatalogueSet, 'uid' | 'engine'> {
  isMade: boolean
}

/** A set that unfinished jobs work with. */
export interface SetOfJobs extends PlacedSet, Pick<CatalogueSet, 'galleryUid' | 'modelId'> {
  /** Only a process that can read it can run them. */
  isRead: boolean
  /** Only a process with its model can run them: a move needs none, and a new set only its own. */
  needsModel: boolean
}

/** Of the set beside it, in `setsWithJobs` and `jobsByNeed`. */
const isRead = `(embedding_set.uid = serving OR kind = 'move')`
const needsModel = `kind <> 'move' AND (embedding_set.uid = serving) = (kind <> 're-embedding')`
const jobsWithSets =
  'alike.job JOIN alike.gallery ON gallery.uid = job.gallery_uid JOIN alike.embedding_set USING (gallery_uid)'

export function setsWithJobs(sql: Sql, kinds: readonly JobKind[]): Promise<SetOfJobs[]> {
  return sql.query(
    `SELECT DISTINCT embedding_set.uid, gallery_uid AS "galleryUid", engine, model_id AS "modelId",
       about::jsonb @> '{"isMade": true}' AS "isMade", ${isRead} AS "isRead", ${needsModel} AS "needsModel"
     FROM ${jobsWithSets}
     WHERE kind = ANY($1) AND state = ANY($2)`,
    [kinds, activeJobStates],
  )
}

/** What a process needs in order to run a job, and with which sets it does. */
const setsByNeed = { engine: isRead, model_id: needsModel }
export type JobNeed = keyof typeof setsByNeed

/** How many unfinished jobs, other than paused ones and those of some galleries, need each engine, or model. */
export function jobsByNeed(
  sql: Sql,
  need: JobNeed,
  leftOut: readonly string[],
): Promise<{ name: string; count: number }[]> {
  return sql.query(
    `SELECT ${need} AS name, count(DISTINCT job.number) FROM ${jobsWithSets}
     WHERE state = ANY($1) AND paused = 0 AND ${setsByNeed[need]} AND NOT gallery_uid = ANY($2) GROUP BY ${need}`,
    [activeJobStates, leftOut],
  )
}

export async function listJobs(
  sql: Sql,
  { gallery, kinds = jobKinds, states = jobStates, limit = defaultListLimit }: JobListOptions = {},
): Promise<JobRecord[]> {
  const rows = await sql.query<StoredRow>(
    `SELECT * FROM alike.job WHERE ($1::text IS NULL OR gallery = $1) AND kind = ANY($2) AND state = ANY($3)
     ORDER BY number DESC LIMIT $4`,
    [gallery ?? null, kinds, states, limit],
  )
  return rows.map(storedRecord)
}

export async function countJobs(sql: Sql): Promise<JobCount[]> {
  const rows = await sql.query<Omit<JobCount, 'paused'> & { paused: number }>(
    'SELECT kind, state, paused, count(*) FROM alike.job WHERE state = ANY($1) GROUP BY kind, state, paused',
    [activeJobStates],
  )
  return rows.map(({ paused, ...row }) => ({ ...row, paused: paused === 1 }))
}

export async function insertLines(sql: Sql, job: number, lines: readonly JobError[]): Promise<void> {
  for (let begin = 0; begin < lines.length; begin += linesAtOnce) {
    const some = [...new Map(lines.slice(begin, begin + linesAtOnce).map((line) => [line.item, line])).values()]
    await sql.query(
      `INSERT INTO alike.job_error SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[])
       ON CONFLICT (job, item) DO UPDATE SET name = EXCLUDED.name, code = EXCLUDED.code, detail = EXCLUDED.detail`,
      [
        job,
        some.map(({ item }) => item),
        some.map(({ name }) => plain(name)),
        some.map(({ code }) => code),
        some.map(({ detail }) => plain(detail)),
      ],
    )
  }
}

/** PostgreSQL text cannot contain NUL. */
const plain = (text: string) => text.replaceAll('\0', '\uFFFD')

export async function linesOfJob(
  sql: Sql,
  id: string,
  { fromItem = 0, limit = defaultErrorsLimit }: { fromItem?: number; limit?: number } = {},
): Promise<JobError[]> {
  return sql.query<JobError & Record<string, unknown>>(
    `SELECT item, name, code, detail FROM alike.job_error
     WHERE job = (SELECT number FROM alike.job WHERE id = $1) AND item >= $2 ORDER BY item LIMIT $3`,
    [id, fromItem, limit],
  )
}

/** Those that ended before this time and have no pending webhook, in groups, each with its lines first. */
export async function forgetJobs(sql: Sql, finishedBefore: string): Promise<number> {
  for (let forgotten = 0; ; ) {
    const due = await sql.query<{ number: number }>(
      `SELECT number FROM alike.job WHERE finished_at < $1
         AND NOT EXISTS (SELECT 1 FROM alike.webhook WHERE webhook.job = job.number)
       ORDER BY finished_at, number LIMIT ${forgottenAtOnce.jobs}`,
      [finishedBefore],
    )
    if (due.length === 0) return forgotten
    const numbers = due.map(({ number }) => number)
    await forgetLines(sql, numbers)
    const gone = await sql.query('DELETE FROM alike.job WHERE number = ANY($1) RETURNING number', [numbers])
    forgotten += gone.length
  }
}

async function forgetLines(sql: Sql, jobs: readonly number[]): Promise<void> {
  for (let count = forgottenAtOnce.lines; count === forgottenAtOnce.lines; ) {
    const [gone] = await sql.query<{ count: number }>(
      `WITH gone AS (
         DELETE FROM alike.job_error WHERE (job, item) IN (
           SELECT job, item FROM alike.job_error WHERE job = ANY($1) LIMIT ${forgottenAtOnce.lines} FOR UPDATE SKIP LOCKED
         ) RETURNING 1
       ) SELECT count(*) FROM gone`,
      [jobs],
    )
    count = gone!.count
  }
}
