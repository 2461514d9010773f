/**
 * Advisory locks of galleries: shared by writes, exclusive while another set begins to serve. A dedicated connection
 * holds them; if it is lost, so are the locks, which holders discover when they ask, or on release.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { Held, HeldLock } from '../gallery/writes.js'
import { askLock, lockKinds, tryLocks } from './advisory-locks.js'
import { LockSession } from './lock-session.js'
import { type Notices, notify } from './notices.js'
import { within } from './polling.js'
import { begin, despiteConflicts, type Postgres, type Sql, statementsOf } from './postgres.js'
import { asStoreError } from './store-errors.js'

/**
 * Maximum time that writes of one process hold a gallery without a pause in which others may close it, and how long a pause
 * lasts at most: a write may take minutes, and the others do not wait for its end.
 */
const usualPauses = { heldMaxMs: 3_000, pauseMaxMs: 500 }
/** A process that asked for a pause has the gallery by then, or has given up. */
const askedForMs = 10_000
/** A connection that takes longer to end has stalled. */
const endsWithinMs = 1_000
const retryMs = 20
/** A gallery is closed for at most a few seconds; anything longer is a fault. */
const waitMaxMs = 30_000

/** Permission for a write. */
export interface Pass {
  /** The serving set, which cannot change until the pass is released; undefined if there is no such gallery. */
  serving: string | undefined
  /** The gallery's other set. */
  other: string | undefined
  /** @throws AlikeError `store_unreachable` if the lock was lost: the gallery may have been closed in the meantime */
  giveBack(): Promise<void>
}

/** Writes in progress by this process in a gallery. */
interface Busy {
  count: number
  since: number
  /** Until when another process waits for them to finish. */
  awaitedUntil: number
  idle: Promise<void>
  onIdle(): void
}

export class GalleryLocks {
  readonly #postgres: Postgres
  readonly #busy = new Map<string, Busy>()
  readonly #held = new Set<string>()
  readonly #unlisten: () => void
  readonly #pauses: typeof usualPauses
  #session: Promise<LockSession> | undefined
  #closed = false

  constructor(postgres: Postgres, notices: Notices, pauses = usualPauses) {
    this.#postgres = postgres
    this.#pauses = pauses
    this.#unlisten = notices.listen((notice) => {
      const busy = notice?.closing === undefined ? undefined : this.#busy.get(notice.closing)
      if (busy !== undefined) busy.awaitedUntil = performance.now() + askedForMs
    })
  }

  /** @throws AlikeError `store_unreachable`, `overloaded` */
  async share(gallery: string): Promise<Pass> {
    for (const deadline = performance.now() + waitMaxMs; performance.now() < deadline; await sleep(retryMs)) {
      await this.#pauseFor(gallery)
      const busy = this.#enter(gallery)
      try {
        const pass = await this.#tryShare(gallery, busy)
        if (pass !== undefined) return pass
      } catch (error) {
        this.#leave(gallery, busy)
        throw asStoreError(error)
      }
      this.#leave(gallery, busy)
    }
    throw new AlikeError('overloaded', { detail: 'Another embedding set is beginning to serve.', retryAfterSeconds: 5 })
  }

  /**
   * All of them or none.
   * @returns undefined if this or another process holds one of them
   * @throws AlikeError `store_unreachable`
   */
  async hold(what: Held, ...names: string[]): Promise<HeldLock | undefined> {
    const keys = names.map((name) => `${what} ${name}`)
    if (keys.some((key) => this.#held.has(key))) return undefined
    for (const key of keys) this.#held.add(key)
    const forget = () => {
      for (const key of keys) this.#held.delete(key)
    }
    let session: LockSession | undefined
    try {
      session = await this.#connected()
      const lock = await tryLocks(session, lockKinds[what], names)
      if (lock === undefined) forget()
      return lock && { ...lock, release: () => lock.release().finally(forget) }
    } catch (error) {
      session?.giveUp()
      forget()
      throw asStoreError(error)
    }
  }

  /**
   * Runs the work in a transaction while no process has a write in progress in the gallery, and again after a conflict
   * with others. The lock is kept afterwards for as long as `work` requests.
   * @param first a statement about the gallery, given by name, that is committed beforehand
   * @throws what `work` throws; AlikeError `overloaded` if writes do not finish in time, `store_unreachable`
   */
  async alone<Result>(
    gallery: string,
    { withinMs, first }: { withinMs: number; first: string },
    work: (sql: Sql) => Promise<{ result: Result; keptMs: number }>,
  ): Promise<Result> {
    const connection = await this.#postgres.connect('alike-exchange')
    const sql = statementsOf(connection)
    try {
      await sql.query(`SET lock_timeout = ${Math.ceil(withinMs)}`)
      await notify(sql, { closing: gallery })
      await askLock(sql, 'pg_advisory_lock', lockKinds.writes, gallery)
      const once = async () => {
        await sql.query(first, [gallery])
        await sql.query(begin)
        const done = await work(sql)
        await this.#postgres.commit(connection)
        return done
      }
      // the session keeps its lock
      const { result, keptMs } = await despiteConflicts(once, () => sql.query('ROLLBACK'))
      await sleep(keptMs)
      return result
    } catch (error) {
      if ((error as { code?: unknown }).code !== lockNotAvailable) throw asStoreError(error)
      throw new AlikeError('overloaded', {
        detail: 'Other writes to the gallery took too long.',
        retryAfterSeconds: 10,
      })
    } finally {
      await within(endsWithinMs, connection.end()) // which also releases the lock
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#unlisten()
    await (await this.#session?.catch(() => undefined))?.end().catch(() => {})
  }

  async #tryShare(gallery: string, busy: Busy): Promise<Pass | undefined> {
    const session = await this.#connected()
    // in this order: the serving set is read under the lock
    const [isHeld, rows] = await Promise.all([
      askLock(session, 'pg_try_advisory_lock_shared', lockKinds.writes, gallery),
      session.query<{ serving: string; other: string | null }>(servingAndOther, [gallery]),
    ]).catch((error: unknown) => {
      session.giveUp()
      throw error
    })
    if (!isHeld) return undefined
    const giveBack = async () => {
      try {
        if (await askLock(session, 'pg_advisory_unlock_shared', lockKinds.writes, gallery)) return
      } catch (cause) {
        session.giveUp()
        throw new AlikeError('store_unreachable', { cause, retryAfterSeconds: 5 })
      } finally {
        this.#leave(gallery, busy)
      }
      throw new AlikeError('store_unreachable', { retryAfterSeconds: 5 })
    }
    return { serving: rows[0]?.serving, other: rows[0]?.other ?? undefined, giveBack }
  }

  /**
   * PostgreSQL grants this connection a lock it already holds even if others wait: without a pause they would never get
   * it.
   */
  async #pauseFor(gallery: string): Promise<void> {
    const busy = this.#busy.get(gallery)
    if (busy === undefined) return
    const now = performance.now()
    const isDue = now - busy.since > this.#pauses.heldMaxMs
    const pauseMs = Math.max(busy.awaitedUntil - now, isDue ? this.#pauses.pauseMaxMs : 0)
    if (pauseMs <= 0) return
    await within(pauseMs, busy.idle)
    busy.since = performance.now()
  }

  #enter(gallery: string): Busy {
    let busy = this.#busy.get(gallery)
    if (busy === undefined) {
      let onIdle = (): void => {}
      const idle = new Promise<void>((resolve) => {
        onIdle = resolve
      })
      busy = { count: 0, since: performance.now(), awaitedUntil: 0, idle, onIdle }
      this.#busy.set(gallery, busy)
    }
    busy.count++
    return busy
  }

  #leave(gallery: string, busy: Busy): void {
    if (--busy.count > 0) return
    this.#busy.delete(gallery)
    busy.onIdle()
  }

  #connected(): Promise<LockSession> {
    if (this.#closed) throw new AlikeError('shutting_down')
    if (this.#session !== undefined) return this.#session
    const session = this.#postgres.connect('alike-locks').then(
      (connection) =>
        new LockSession(connection, () => {
          if (this.#session === session) this.#session = undefined
        }),
      (error: unknown) => {
        if (this.#session === session) this.#session = undefined
        throw error
      },
    )
    this.#session = session
    return session
  }
}

const servingAndOther = `SELECT serving, (
    SELECT uid FROM alike.embedding_set WHERE gallery_uid = gallery.uid AND uid <> serving LIMIT 1
  ) AS other FROM alike.gallery WHERE name = $1`

/** SQLSTATE of a lock timeout. */
const lockNotAvailable = '55P03'
