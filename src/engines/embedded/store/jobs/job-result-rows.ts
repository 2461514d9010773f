/** The rows of job results, such as the reports of analyses. */
import { type Checksum, checksummedRows } from '../database/checksum.js'
import { type Database, damaged, type Statement } from '../database/database.js'
import { forgettableJobs } from './webhook-table.js'

interface ResultRow {
  /** Its number. */
  job: number
  result: string
}
type StoredRow = ResultRow & Checksum

export const resultRows = checksummedRows<ResultRow>('The result of a job', ({ job, result }) => [job, result])

export class JobResultRows {
  readonly #ofJob: Statement<[number], StoredRow>
  readonly #insert: Statement<[StoredRow]>
  readonly #forget: Statement<[string]>

  constructor(database: Database) {
    this.#ofJob = database.prepare('SELECT * FROM job_result WHERE job = ?')
    this.#insert = database.prepare('INSERT INTO job_result VALUES (@job, @result, @checksum)')
    this.#forget = database.prepare(`DELETE FROM job_result WHERE job IN (${forgettableJobs})`)
  }

  /** @throws AlikeError `data_unreadable`, also if it is missing */
  get(job: number): string {
    const row = this.#ofJob.get(job)
    if (row === undefined) throw damaged('The result of a job is missing.')
    return resultRows.checked(row).result
  }

  insert(job: number, result: string): void {
    this.#insert.run(resultRows.sealed({ job, result }))
  }

  forget(finishedBefore: string): void {
    this.#forget.run(finishedBefore)
  }
}
