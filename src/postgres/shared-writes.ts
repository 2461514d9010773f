/**
 * Coordinates writes to galleries by several processes. A write shares the gallery's lock until it is acknowledged;
 * another set begins to serve in a transaction that holds the lock exclusively. Changes are recorded in a table.
 */
import type { CachedCatalogue } from '../gallery/cached-catalogue.js'
import type { Catalogue } from '../gallery/catalogue.js'
import { WriteGates } from '../gallery/write-gates.js'
import type { Held, SharedWrites as Shared, Writes } from '../gallery/writes.js'
import { GalleryLocks } from './gallery-locks.js'
import type { Notices } from './notices.js'
import type { Postgres } from './postgres.js'
import { serveOn } from './postgres-catalogue.js'
import { SetChanges } from './set-changes.js'

export interface SharedWritesOptions {
  postgres: Postgres
  notices: Notices
  catalogue: CachedCatalogue
}

/** Notices report changes by other processes; this bounds how stale a look-up is if one is missed. */
export const freshMs = 1_000
/** Maximum time that closing a gallery waits for writes of other processes. */
const closesWithinMs = 10_000

export class SharedWrites implements Writes {
  readonly #postgres: Postgres
  readonly #catalogue: CachedCatalogue
  readonly #locks: GalleryLocks
  /** PostgreSQL would grant the connection its own shared lock again while this process waits for the exclusive one. */
  readonly #gates = new WriteGates()

  constructor({ postgres, notices, catalogue }: SharedWritesOptions) {
    this.#postgres = postgres
    this.#catalogue = catalogue
    this.#locks = new GalleryLocks(postgres, notices)
  }

  get shared(): Shared {
    return {
      hold: (what: Held, ...names: string[]) => this.#locks.hold(what, ...names),
      setsBeside: () => this.#setsBeside(),
    }
  }

  pass<Result>(gallery: string, ids: readonly string[] | 'all', work: () => Promise<Result>): Promise<Result> {
    return this.#gates.pass(gallery, async () => {
      const pass = await this.#locks.share(gallery)
      let isDone = false
      try {
        await this.#catalogue.expectServing(gallery, pass.serving)
        const result = await this.#noted(pass.other, ids, work)
        isDone = true
        return result
      } finally {
        const givenBack = pass.giveBack()
        // a failed write has already reported its error
        await (isDone ? givenBack : givenBack.catch(() => {}))
      }
    })
  }

  whileClosed<Result>(
    gallery: string,
    work: (serve: Catalogue['serve']) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const closed = () =>
      this.#locks.alone(gallery, { withinMs: closesWithinMs, first: everythingIsDue }, async (sql) => {
        let keptMs = 0
        const result = await work(async (setUid, about) => {
          await serveOn(sql, setUid, about)
          // keep the lock until no process has the former set cached, so that every acknowledged write is found
          keptMs = freshMs
        })
        return { result, keptMs }
      })
    return this.#gates.whileClosed(gallery, () => closed().finally(() => this.#catalogue.forget(gallery)), signal)
  }

  follow(_gallery: string, setUid: string): SetChanges {
    return new SetChanges(this.#postgres, setUid)
  }

  /** Its rows are deleted with the set. */
  unfollow(): void {}

  forget(): void {}

  close(): Promise<void> {
    return this.#locks.close()
  }

  async #noted<Result>(
    other: string | undefined,
    ids: readonly string[] | 'all',
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (other === undefined) return work()
    const changes = new SetChanges(this.#postgres, other)
    await changes.begin(ids)
    try {
      return await work()
    } finally {
      await changes.note(ids)
    }
  }

  async #setsBeside(): Promise<{ gallery: string; setUid: string }[]> {
    return this.#postgres.query(
      `SELECT gallery.name AS gallery, embedding_set.uid AS "setUid" FROM alike.embedding_set
       JOIN alike.gallery ON gallery.uid = gallery_uid WHERE embedding_set.uid <> serving AND stage <> 'building'`,
    )
  }
}

/** No write is in progress any more. */
const everythingIsDue = `UPDATE alike.set_change SET due_at = now() FROM alike.embedding_set
  JOIN alike.gallery ON gallery.uid = embedding_set.gallery_uid
  WHERE set_change.set_uid = embedding_set.uid AND gallery.name = $1 AND due_at > now()`
