/** Which pending webhooks are to be sent now. */
import type { DueWebhooks, PendingWebhook, WebhookTimes } from './job-store.js'

/** One that would wait longer than any does was noted by a clock that was ahead, and is due. */
export function dueOf(pending: readonly PendingWebhook[], { now, latest }: WebhookTimes): DueWebhooks {
  const due: PendingWebhook[] = []
  let next: string | undefined
  for (const webhook of pending) {
    const { attempts, nextAt } = webhook
    const last = latest[Math.min(attempts, latest.length - 1)]!
    const isPutOff = nextAt !== null && nextAt > now && nextAt <= last
    if (!isPutOff) due.push(webhook)
    else if (next === undefined || nextAt < next) next = nextAt
  }
  return { due, waitMs: next === undefined ? Infinity : Date.parse(next) - Date.parse(now) }
}
