/** The rows of job results, such as the reports of analyses. */
import { checksumOfValues, expectChecksum } from './checksum.js'
import { type Database, damaged, type Statement } from './database.js'
import { forgettableJobs } from './webhook-table.js'

interface StoredRow {
  /** Its number. */
  job: number
  result: string
  checksum: number
}

export class JobResultRows {
  readonly #database: Database
  readonly #ofJob: Statement<[number], StoredRow>
  readonly #insert: Statement<[StoredRow]>
  readonly #forget: Statement<[string]>

  constructor(database: Database) {
    this.#database = database
    this.#ofJob = database.prepare('SELECT * FROM job_result WHERE job = ?')
    this.#insert = database.prepare('INSERT INTO job_result VALUES (@job, @result, @checksum)')
    this.#forget = database.prepare(`DELETE FROM job_result WHERE job IN (${forgettableJobs})`)
  }

  /** @throws AlikeError `data_unreadable`, also if it is missing */
  get(job: number): string {
    const row = this.#ofJob.get(job)
    if (row === undefined) throw damaged('The result of a job is missing.')
    return checked(row).result
  }

  /** Checks every row of every job. @throws AlikeError `data_unreadable` */
  verifyAll(onRow: () => void): void {
    for (const row of this.#database.prepare<[], StoredRow>('SELECT * FROM job_result').iterate()) {
      checked(row)
      onRow()
    }
  }

  insert(job: number, result: string): void {
    this.#insert.run({ job, result, checksum: checksumOfValues([job, result]) })
  }

  forget(finishedBefore: string): void {
    this.#forget.run(finishedBefore)
  }
}

function checked(row: StoredRow): StoredRow {
  expectChecksum(checksumOfValues([row.job, row.result]), row.checksum, 'The result of a job')
  return row
}
