/** Pending webhooks in PostgreSQL: reading one reserves it for the process for a while. */
import type { PendingWebhook, WebhookNote } from '../jobs/job-store.js'
import type { Sql } from './postgres.js'

/** Longer than an attempt takes (`WEBHOOK_TIMEOUT_MS`). */
const heldSeconds = 180

export async function addWebhook(sql: Sql, job: number, url: string): Promise<void> {
  await sql.query('INSERT INTO alike.webhook (job, url, attempts) VALUES ($1, $2, 0)', [job, url])
}

/** For finished jobs: reserves up to `room` due webhooks for this process, and includes the first of those not due yet. */
export async function takeWebhooks(sql: Sql, now: string, room: number): Promise<PendingWebhook[]> {
  const due = await sql.query<WebhookRow>(
    `UPDATE alike.webhook SET held_until = now() + $2 * interval '1 second' FROM alike.job
     WHERE job.number = webhook.job AND webhook.job IN (
       SELECT webhook.job FROM alike.webhook JOIN alike.job ON job.number = webhook.job
       WHERE finished_at IS NOT NULL AND (next_at IS NULL OR next_at <= $1) AND (held_until IS NULL OR held_until < now())
       ORDER BY webhook.job LIMIT $3 FOR UPDATE OF webhook SKIP LOCKED)
     RETURNING job.id, url, attempts, next_at`,
    [now, heldSeconds, room],
  )
  const [next] = await sql.query<WebhookRow>(
    `SELECT job.id, url, attempts, next_at FROM alike.webhook JOIN alike.job ON job.number = webhook.job
     WHERE finished_at IS NOT NULL AND next_at > $1 ORDER BY next_at LIMIT 1`,
    [now],
  )
  return [...due, ...(next === undefined ? [] : [next])].map(({ id, url, attempts, next_at: nextAt }) => ({
    jobId: id,
    url,
    attempts,
    nextAt,
  }))
}

interface WebhookRow {
  id: string
  url: string
  attempts: number
  next_at: string | null
}

export async function noteWebhook(sql: Sql, jobId: string, next: WebhookNote): Promise<void> {
  const ofJob = 'job = (SELECT number FROM alike.job WHERE id = $1)'
  if (next === null) await sql.query(`DELETE FROM alike.webhook WHERE ${ofJob}`, [jobId])
  else
    await sql.query(`UPDATE alike.webhook SET attempts = $2, next_at = $3, held_until = NULL WHERE ${ofJob}`, [
      jobId,
      next.attempts,
      next.at,
    ])
}
