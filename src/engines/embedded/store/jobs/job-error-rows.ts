/** The rows of jobs' error reports: which items failed, and why. */
import type { JobError } from '../../../../gallery/job-progress.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import { type Database, damaged, type Statement } from '../database/database.js'

type ErrorRow = JobError & { job: number }
type StoredRow = ErrorRow & Checksum

export const errorRows = checksummedRows<ErrorRow>('A line of an error report', ({ job, item, name, code, detail }) => [
  job,
  item,
  name,
  code,
  detail,
])

/** Reports of up to this many lines are counted when their end is read: some milliseconds. */
const countedMax = 100_000

/**
 * Lines deleted in one step: other writes wait for a fifth of a second. More than are counted: those are all deleted
 * together with their job, or their report would be taken for damaged meanwhile.
 */
export const linesAtOnce = countedMax + 1

/** Rows that get their checksum in one statement. */
const migratedAtOnce = 1_000

const defaultLimit = 1_000

export interface JobErrorsPage {
  fromItem?: number
  limit?: number
}

export class JobErrorRows {
  readonly #page: Statement<[number, number, number], StoredRow>
  readonly #count: Statement<[number], number>
  readonly #insert: Statement<[StoredRow]>
  readonly #delete: Statement<[{ job: number; limit: number }]>

  constructor(database: Database) {
    this.#page = database.prepare('SELECT * FROM job_error WHERE job = ? AND item >= ? ORDER BY item LIMIT ?')
    this.#count = database.prepare<[number], number>('SELECT count(*) FROM job_error WHERE job = ?').pluck()
    this.#insert = database.prepare(
      'INSERT OR REPLACE INTO job_error (job, item, name, code, detail, checksum) VALUES (@job, @item, @name, @code, @detail, @checksum)',
    )
    // a third of the time of `DELETE … LIMIT`
    this.#delete = database.prepare(
      `DELETE FROM job_error WHERE job = @job AND item <
         ifnull((SELECT item FROM job_error WHERE job = @job ORDER BY item LIMIT 1 OFFSET @limit), ${Number.MAX_SAFE_INTEGER})`,
    )
  }

  /**
   * @param job its number
   * @param failed number of failed items according to the job's record
   * @throws AlikeError `data_unreadable`, also when lines are missing
   */
  page(job: number, failed: number, { fromItem = 0, limit = defaultLimit }: JobErrorsPage = {}): JobError[] {
    const rows = this.#page.all(job, fromItem, limit)
    if (rows.length < limit && failed <= countedMax && this.#count.get(job)! < failed)
      throw damaged('Lines of an error report are missing.')
    return rows.map(errorRows.checked).map(({ item, name, code, detail }) => ({ item, name, code, detail }))
  }

  insert(job: number, { item, name, code, detail }: JobError): void {
    this.#insert.run(errorRows.sealed({ job, item, name, code, detail }))
  }

  /** Up to `linesAtOnce` of them. @returns how many */
  delete(job: number): number {
    return this.#delete.run({ job, limit: linesAtOnce }).changes
  }
}

/** A step of the schema: adds the column and fills it for existing rows. */
export function addErrorChecksums(database: Database): void {
  const columns = database.pragma('table_info(job_error)') as { name: string }[]
  if (!columns.some(({ name }) => name === 'checksum'))
    database.exec('ALTER TABLE job_error ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0')
  const page = database.prepare<[number, number, number], ErrorRow>(
    'SELECT job, item, name, code, detail FROM job_error WHERE (job, item) > (?, ?) ORDER BY job, item LIMIT ?',
  )
  const update = database.prepare('UPDATE job_error SET checksum = ? WHERE job = ? AND item = ?')
  for (let [job, item] = [-1, -1]; ; ) {
    const rows = page.all(job, item, migratedAtOnce)
    for (const row of rows) update.run(errorRows.checksumOf(row), row.job, row.item)
    const last = rows.at(-1)
    if (last === undefined) return
    ;[job, item] = [last.job, last.item]
  }
}
