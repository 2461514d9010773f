/** The rows of job results, such as the reports of analyses. */
import { type Checksum, checksummedRows } from '../database/checksum.js'
import { type Database, damaged, type Statement } from '../database/database.js'

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
  readonly #delete: Statement<[number]>

  constructor(database: Database) {
    this.#ofJob = database.prepare('SELECT * FROM job_result WHERE job = ?')
    this.#insert = database.prepare('INSERT INTO job_result VALUES (@job, @result, @checksum)')
    this.#delete = database.prepare('DELETE FROM job_result WHERE job = ?')
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

  delete(job: number): void {
    this.#delete.run(job)
  }
}
