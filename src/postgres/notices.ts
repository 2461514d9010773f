/** Notices between processes through PostgreSQL: they say that something has changed, never what it is now. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError, hasCode } from '../errors.js'
import type { Postgres, Sql } from './postgres.js'

/** What changed: a job by id, a gallery by name. */
export interface Notice {
  job?: string
  gallery?: string
  /** A gallery for whose writes another process is waiting. */
  closing?: string
  /** Of a process that finds out whether it hears notices. */
  greeting?: string
}

/** @param notice undefined if some may have been missed */
export type NoticeListener = (notice: Notice | undefined) => void

type Connection = Awaited<ReturnType<Postgres['connect']>>

const channel = 'alike'
const companyKey = 0x616c696c
const usualWaits = {
  /** A process that has just died may still appear connected. */
  companyMs: 10_000,
  /** Until a process hears its own greeting. */
  heardMs: 10_000,
  /** Delay before a reconnection attempt. */
  reconnectMs: 2_000,
  /**
   * While connected no notice is missed; the tick covers what no process announces, such as the expired lease of a dead
   * one.
   */
  tickMs: 5_000,
}

export class Notices {
  readonly #postgres: Postgres
  readonly #sharesUploads: boolean
  readonly #listeners = new Set<NoticeListener>()
  readonly #ticks: NodeJS.Timeout
  readonly #onLoss: (error: unknown) => void
  readonly #waits: typeof usualWaits
  #client: Connection | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false

  /**
   * @param sharesUploads false: the process has its own uploads and shares its jobs with no other
   * @param onLoss also called if another process, which must not be there, prevents the reconnection
   */
  constructor(postgres: Postgres, sharesUploads: boolean, onLoss: (error: unknown) => void, waits = usualWaits) {
    this.#postgres = postgres
    this.#sharesUploads = sharesUploads
    this.#onLoss = onLoss
    this.#waits = waits
    this.#ticks = setInterval(() => this.#notify(undefined), waits.tickMs).unref()
  }

  /**
   * Call it once. Resolves when no further notice can be missed.
   * @throws AlikeError `config_invalid`; Error if no connection can be made
   */
  async open(): Promise<void> {
    const client = await this.#postgres.connect()
    client.on('error', (error) => this.#lost(client, error))
    client.on('end', () => this.#lost(client, new Error('the connection has ended')))
    client.on('notification', ({ payload = '' }) => this.#notify(noticeOf(payload)))
    try {
      await client.query(`LISTEN ${channel}`) // refused by a standby
      await this.#expectHeard(client)
      await this.#expectCompany(client)
    } catch (error) {
      void client.end().catch(() => {}) // or each attempt would leave a connection, and its lock, behind
      throw error
    }
    if (this.#closed) return void (await client.end())
    this.#client = client
    this.#notify(undefined)
  }

  /** @returns a function that stops listening */
  listen(listener: NoticeListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#ticks)
    clearTimeout(this.#retry)
    await this.#client?.end().catch(() => {})
  }

  /** A pooler that assigns connections by transaction loses notices, and locks of sessions with them. */
  async #expectHeard(client: Connection): Promise<void> {
    const greeting = randomUUID()
    let isHeard = false
    const hear = ({ payload }: { payload?: string | undefined }) => {
      isHeard ||= noticeOf(payload ?? '')?.greeting === greeting
    }
    client.on('notification', hear)
    await notify(this.#postgres, { greeting })
    for (const deadline = performance.now() + this.#waits.heardMs; ; await sleep(50)) {
      const isLate = performance.now() > deadline
      await client.query('SELECT') // a process that was held up now reads what has arrived before its answer
      if (isHeard) break
      if (isLate)
        throw new AlikeError('config_invalid', {
          detail:
            'Notifications of PostgreSQL do not arrive, as through a pooler that assigns connections by transaction: connect directly, or through one that assigns them by session.',
        })
    }
    client.off('notification', hear)
  }

  /** Held as long as this connection: exclusively by one process, or shared by all that share uploads. */
  async #expectCompany(client: Connection): Promise<void> {
    const lock = this.#sharesUploads ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock'
    for (const deadline = performance.now() + this.#waits.companyMs; ; await sleep(200)) {
      const { rows } = await client.query<{ held: boolean }>(`SELECT ${lock}($1) AS held`, [companyKey])
      if (rows[0]?.held === true) return
      if (performance.now() > deadline)
        throw new AlikeError('config_invalid', {
          detail:
            'Another process shares the jobs in PostgreSQL, and one of the two has no ORIGINALS_S3_BUCKET, where uploads are spooled for all of them.',
        })
    }
  }

  #notify(notice: Notice | undefined): void {
    for (const listener of this.#listeners) listener(notice)
  }

  /** @param client possibly one that was lost before, and ends only now */
  #lost(client: Connection, error: unknown): void {
    if (this.#closed || this.#client !== client) return
    this.#client = undefined
    void client.end().catch(() => {})
    this.#onLoss(error)
    const again = () => {
      this.#retry = setTimeout(() => void this.open().catch(refused), this.#waits.reconnectMs).unref()
    }
    const refused = (reason: unknown) => {
      if (this.#closed) return
      // unlike an unavailable server, this does not pass by itself
      if (hasCode(reason, 'config_invalid')) this.#onLoss(reason)
      again()
    }
    again()
  }
}

/**
 * Anyone with access to the database can write to the channel: a malformed notice means that something may have
 * changed.
 */
function noticeOf(payload: string): Notice | undefined {
  try {
    const { job, gallery, closing, greeting } = JSON.parse(payload) as Partial<Record<keyof Notice, unknown>>
    if (typeof job === 'string') return { job }
    if (typeof gallery === 'string') return { gallery }
    if (typeof closing === 'string') return { closing }
    if (typeof greeting === 'string') return { greeting }
  } catch {
    // reported below
  }
  return undefined
}

/** Delivered when the transaction commits. */
export async function notify(sql: Sql, notice: Notice): Promise<void> {
  await sql.query('SELECT pg_notify($1, $2)', [channel, JSON.stringify(notice)])
}
