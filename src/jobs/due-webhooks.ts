/** Which pending webhooks are to be sent now. */
import type { DueWebhooks, PendingWebhook, WebhookTimes } from './job-store.js'

/** One that would wait longer than any does was noted by a clock that was ahead, and is due. */
export function dueOf(pending: readonly PendingWebhook[], { now, latest }: WebhookTimes): DueWebhooks {
  const waits = pending.filter(({ attempts, nextAt }) => {
    const last = latest[Math.min(attempts, latest.length - 1)]!
    return nextAt !== null && nextAt > now && nextAt <= last
  })
  return {
    due: pending.filter((webhook) => !waits.includes(webhook)),
    waitMs: Math.min(...waits.map(({ nextAt }) => Date.parse(nextAt!) - Date.parse(now))),
  }
}
