/** Pending webhooks in PostgreSQL: reading one reserves it for the process for a while. */
import type { DueWebhooks, WebhookNote, WebhookTimes } from '../jobs/job-store.js'
import type { Sql } from './postgres.js'

/** Longer than an attempt takes (`WEBHOOK_TIMEOUT_MS`). */
const heldSeconds = 180

export async function addWebhook(sql: Sql, job: number, url: string): Promise<void> {
  await sql.query('INSERT INTO alike.webhook (job, url, attempts) VALUES ($1, $2, 0)', [job, url])
}

/** Of finished jobs: reserves up to `room` due ones for this process. */
export async function takeWebhooks(sql: Sql, room: number, { now, latest }: WebhookTimes): Promise<DueWebhooks> {
  // held for longer than any is: by a clock that was ahead
  const isHeld = `held_until > now() AND held_until < now() + 2 * $1 * interval '1 second'`
  const rows = await sql.query<WebhookRow>(
    `UPDATE alike.webhook SET held_until = now() + $1 * interval '1 second' FROM alike.job
     WHERE job.number = webhook.job AND webhook.job IN (
       SELECT webhook.job FROM alike.webhook JOIN alike.job ON job.number = webhook.job
       WHERE finished_at IS NOT NULL AND (${isHeld}) IS NOT TRUE AND (${isPutOff('$2', '$3')}) IS NOT TRUE
       ORDER BY webhook.job LIMIT $4 FOR UPDATE OF webhook SKIP LOCKED)
     RETURNING job.id, url, attempts, next_at`,
    [heldSeconds, now, latest, room],
  )
  // of those that a killed process had reserved, the tick of `notices.ts` reminds
  const [next] = await sql.query<{ nextAt: string | null }>(
    `SELECT min(next_at) AS "nextAt" FROM alike.webhook JOIN alike.job ON job.number = webhook.job
     WHERE finished_at IS NOT NULL AND ${isPutOff('$1', '$2')}`,
    [now, latest],
  )
  const nextAt = next?.nextAt ?? null
  return {
    due: rows.map(({ id, url, attempts, next_at: at }) => ({ jobId: id, url, attempts, nextAt: at })),
    waitMs: nextAt === null ? Infinity : Date.parse(nextAt) - Date.parse(now),
  }
}

/** @param latest as in `WebhookTimes`, both as parameters of a statement */
const isPutOff = (now: string, latest: string) =>
  `next_at > ${now} AND next_at <= (${latest}::text[])[least(attempts + 1, cardinality(${latest}::text[]))]`

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
