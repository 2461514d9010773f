/**
 * Notifies webhooks of the end of jobs with signed requests, as specified by https://www.standardwebhooks.com. Pending
 * notifications are stored in the database, so that a restart loses none; attempts are limited, at growing intervals.
 */
import { createHmac } from 'node:crypto'
import { AlikeError } from '../errors.js'
import { misfitOfText } from '../text.js'
import type { JobRecord } from './job.js'
import type { JobLogger } from './job-logger.js'
import type { JobStore, PendingWebhook, WebhookTimes } from './job-store.js'
import { Passes } from './passes.js'

/**
 * Sends a request to an allowed host.
 * @returns the status
 * @throws AlikeError `url_not_allowed`, `url_unreachable`
 */
export interface WebhookSender {
  expectAllowed(url: string): void
  post(url: string, request: { headers: Record<string, string>; body: string }, signal: AbortSignal): Promise<number>
}

export type WebhookOutcome = 'delivered' | 'failed' | 'given_up'

export interface WebhooksOptions {
  jobs: JobStore
  sender: WebhookSender
  /** `whsec_` and base64, or any text; empty: webhooks are disabled. */
  secret: string
  attemptsMax: number
  /** Before the second attempt; four times as long before each further one, up to `pauseMaxMs`. Default 5 s. */
  firstPauseMs?: number | undefined
  logger: JobLogger
  onAttempt?: ((outcome: WebhookOutcome) => void) | undefined
  now?: (() => Date) | undefined
}

interface Attempt {
  /** Failed ones before it. */
  attempts: number
  /** Why it failed, if it did. */
  failure: string | undefined
}

const pauseFactor = 4
const pauseMaxMs = 6 * 3_600_000
/** Maximum difference between the clocks of processes that share jobs. */
const clocksApartMs = 60_000
/** Of a secret in base64. */
const base64Prefix = 'whsec_'
const keyMinBytes = 16
/** Concurrent requests; the others wait for the next pass. */
const atOnceMax = 8
/** After the store could not be read or written. */
const retryMs = 10_000

export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #underWay = new Map<string, Promise<void>>()
  /** Last attempts whose outcome could not be stored yet, by job: only the storing is repeated. */
  readonly #unstored = new Map<string, Attempt>()
  readonly #closing = new AbortController()
  /** One at a time: the pending notifications read by an older pass may have been sent by now. */
  readonly #passes = new Passes(() => this.#sendDue())

  /** @throws AlikeError `config_invalid` for a secret that signs nothing, such as the prefix of an empty variable */
  constructor(options: WebhooksOptions) {
    this.#options = options
    const { secret } = options
    if (secret.startsWith(base64Prefix) && keyOf(secret).length < keyMinBytes)
      throw new AlikeError('config_invalid', {
        detail: `WEBHOOK_SECRET: ${base64Prefix} must be followed by base64 of at least ${keyMinBytes} bytes.`,
      })
  }

  /**
   * Called before a job is created.
   * @throws AlikeError `webhook_disabled`, `url_not_allowed`
   */
  expectAllowed(url: string): void {
    if (this.#options.secret === '') throw new AlikeError('webhook_disabled')
    const misfit = misfitOfText(url)
    if (misfit !== undefined) throw new AlikeError('url_not_allowed', { detail: `It ${misfit}.` })
    this.#options.sender.expectAllowed(url)
  }

  /** Called at start, and whenever a job has ended. */
  wake(): void {
    if (this.#options.secret === '') return // left to processes that can send them, or to a later start
    this.#passes.begin()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#passes.close()
    await Promise.all(this.#underWay.values())
  }

  async #sendDue(): Promise<void> {
    try {
      const { due, waitMs } = await this.#options.jobs.webhooks(atOnceMax - this.#underWay.size, this.#times())
      for (const webhook of due)
        if (!this.#underWay.has(webhook.jobId) && this.#underWay.size < atOnceMax) this.#start(webhook)
      if (waitMs < Infinity) this.#passes.beginIn(waitMs)
    } catch (error) {
      this.#options.logger.error({ err: error }, 'webhooks could not be read')
      this.#passes.beginIn(retryMs)
    }
  }

  #times(): WebhookTimes {
    const now = this.#now().getTime()
    const after = (ms: number) => new Date(now + ms).toISOString()
    const latest = Array.from({ length: this.#options.attemptsMax }, (_, attempts) =>
      after(clocksApartMs + (attempts === 0 ? 0 : this.#pauseMs(attempts))),
    )
    return { now: after(0), latest }
  }

  /** After so many failed attempts. */
  #pauseMs(attempts: number): number {
    const { firstPauseMs = 5_000 } = this.#options
    return Math.min(pauseMaxMs, firstPauseMs * pauseFactor ** (attempts - 1))
  }

  #start(webhook: PendingWebhook): void {
    const done = this.#attempt(webhook).then(
      () => this.#ended(webhook, 0),
      (error: unknown) => {
        this.#options.logger.error({ err: error, jobId: webhook.jobId }, 'the outcome of a webhook could not be stored')
        this.#ended(webhook, retryMs)
      },
    )
    this.#underWay.set(webhook.jobId, done)
  }

  #ended({ jobId }: PendingWebhook, waitMs: number): void {
    this.#underWay.delete(jobId)
    if (waitMs === 0) this.#passes.begin()
    else this.#passes.beginIn(waitMs)
  }

  async #attempt({ jobId, url, attempts, nextAt }: PendingWebhook): Promise<void> {
    const { jobs, logger, onAttempt, attemptsMax } = this.#options
    const job = await jobs.get(jobId)
    if (job === undefined) return
    const unstored = this.#unstored.get(jobId)
    // meanwhile another process that shares the jobs may have made it, and stored that it failed
    const isMade = unstored?.attempts === attempts
    const failure = isMade ? unstored.failure : await this.#send(job, url)
    this.#unstored.set(jobId, { attempts, failure })
    if (this.#closing.signal.aborted && failure !== undefined) {
      // retried at the next start; a shared store had reserved it for this process
      await jobs.noteWebhook(jobId, { attempts, at: nextAt ?? this.#now().toISOString() })
      return
    }
    if (failure === undefined) {
      await jobs.noteWebhook(jobId, null)
      this.#unstored.delete(jobId)
      onAttempt?.('delivered')
      return
    }
    const isLast = attempts + 1 >= attemptsMax
    const at = new Date(this.#now().getTime() + this.#pauseMs(attempts + 1)).toISOString()
    await jobs.noteWebhook(jobId, isLast ? null : { attempts: attempts + 1, at })
    this.#unstored.delete(jobId)
    onAttempt?.(isLast ? 'given_up' : 'failed')
    logger.warn(
      { jobId, host: new URL(url).host, attempt: attempts + 1, reason: failure },
      isLast ? 'webhook given up' : 'webhook failed; retrying later',
    )
  }

  /** @returns why the attempt failed */
  async #send(job: JobRecord, url: string): Promise<string | undefined> {
    const body = JSON.stringify({ type: 'job.ended', timestamp: job.finishedAt, data: payloadOf(job) })
    const timestamp = Math.floor(this.#now().getTime() / 1000)
    const headers = {
      'content-type': 'application/json',
      // the same for each attempt, so that a receiver can recognise repetitions
      'webhook-id': job.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf(this.#options.secret, job.id, timestamp, body),
    }
    try {
      const status = await this.#options.sender.post(url, { headers, body }, this.#closing.signal)
      return status >= 200 && status < 300 ? undefined : `status ${status}`
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date()
  }
}

/** `v1,` and the HMAC-SHA256 of id, time and body in base64. */
function signatureOf(secret: string, id: string, timestamp: number, body: string): string {
  return `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

function keyOf(secret: string): Buffer {
  return secret.startsWith(base64Prefix)
    ? Buffer.from(secret.slice(base64Prefix.length), 'base64')
    : Buffer.from(secret)
}

function payloadOf({
  id,
  kind,
  gallery,
  state,
  total,
  added,
  updated,
  removed,
  skipped,
  failed,
  failure,
}: JobRecord): object {
  return { id, kind, gallery, state, total, added, updated, removed, skipped, failed, failure }
}
