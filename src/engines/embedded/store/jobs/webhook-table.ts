/** Pending webhooks of jobs: a row exists from the job's creation until its webhook is delivered or given up. */
import type { PendingWebhook } from '../../../../jobs/job-store.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'

interface WebhookRow {
  job: number
  url: string
  attempts: number
  next_at: string | null
}
type StoredRow = WebhookRow & Checksum

const webhookRows = checksummedRows<WebhookRow>('The webhook of a job', ({ job, url, attempts, next_at }) => [
  job,
  url,
  attempts,
  next_at,
])

export const webhookSchema = `
  ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN paused INTEGER NOT NULL DEFAULT 0; -- 1: not begun until it is let go on

  CREATE TABLE webhook (               -- no row: nobody is to be told, or everybody was
    job      INTEGER PRIMARY KEY REFERENCES job (number),
    url      TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at  TEXT,                     -- NULL: as soon as the job has ended
    checksum INTEGER NOT NULL
  ) STRICT;
`

export class WebhookTable {
  readonly #insert: Statement<[StoredRow]>
  readonly #delete: Statement<[number]>
  readonly #get: Statement<[number], StoredRow>
  readonly #due: Statement<[], StoredRow & { id: string; finished_at: string }>

  constructor(database: Database) {
    this.#insert = database.prepare(
      'INSERT OR REPLACE INTO webhook VALUES (@job, @url, @attempts, @next_at, @checksum)',
    )
    this.#delete = database.prepare('DELETE FROM webhook WHERE job = ?')
    this.#get = database.prepare('SELECT * FROM webhook WHERE job = ?')
    this.#due = database.prepare(
      'SELECT webhook.*, job.id, finished_at FROM webhook JOIN job ON job.number = webhook.job WHERE job.finished_at IS NOT NULL ORDER BY webhook.job',
    )
  }

  /** Of finished jobs. A damaged row may hold any URL, and is left out. */
  pending(): PendingWebhook[] {
    const whole = this.#due.all().filter(webhookRows.isWhole)
    return whole.map(({ id, url, attempts, next_at: nextAt }) => ({ jobId: id, url, attempts, nextAt }))
  }

  add(job: number, url: string): void {
    this.#save({ job, url, attempts: 0, next_at: null })
  }

  /** @param next null if the webhook has been delivered or given up */
  note(job: number, next: { attempts: number; at: string } | null): void {
    const row = this.#get.get(job)
    if (row === undefined) return
    if (next === null) this.#delete.run(job)
    else this.#save({ ...webhookRows.checked(row), attempts: next.attempts, next_at: next.at })
  }

  /** Damaged rows of jobs that ended before this time: they would keep those jobs for good, although nobody is notified. */
  forgetDamaged(finishedBefore: string): void {
    for (const row of this.#due.all())
      if (row.finished_at < finishedBefore && !webhookRows.isWhole(row)) this.#delete.run(row.job)
  }

  #save(row: WebhookRow): void {
    this.#insert.run(webhookRows.sealed(row))
  }
}
