/**
 * Writes of galleries that several processes write to. A write holds the gallery's lock together with other writes until it is
 * acknowledged; another set begins to serve in a transaction that has the lock alone. What is changed is noted in a table.
 */
import type { Catalogue } from '../gallery/catalogue.js'
import { WriteGates } from '../gallery/write-gates.js'
import type { Held, SharedWrites as Shared, Writes } from '../gallery/writes.js'
import { type CachedCatalogue, freshMs } from './cached-catalogue.js'
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

/** A gallery that is closed waits no longer for the writes of other processes. */
const closesWithinMs = 10_000

export class SharedWrites implements Writes {
  readonly #postgres: Postgres
  readonly #catalogue: CachedCatalogue
  readonly #locks: GalleryLocks
  /** The connection that has the lock shared would be given it again while this process waits for it alone. */
  readonly #gates = new WriteGates()

  constructor({ postgres, notices, catalogue }: SharedWritesOptions) {
    this.#postgres = postgres
    this.#catalogue = catalogue
    this.#locks = new GalleryLocks(postgres, notices)
  }

  get shared(): Shared {
    return {
      hold: (what: Held, gallery: string) => this.#locks.hold(what, gallery),
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
        const given = pass.giveBack()
        // of a write that failed nothing more is to be told
        await (isDone ? given : given.catch(() => {}))
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
          // acknowledged is found: no process asks the former set any more when writes go on
          keptMs = freshMs
        })
        return { result, keptMs }
      })
    return this.#gates.whileClosed(gallery, () => closed().finally(() => this.#catalogue.forget(gallery)), signal)
  }

  follow(_gallery: string, setUid: string): SetChanges {
    return new SetChanges(this.#postgres, setUid)
  }

  /** Rows go with their set. */
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

/** No write is under way any more. */
const everythingIsDue = `UPDATE alike.set_change SET due_at = now() FROM alike.embedding_set
  JOIN alike.gallery ON gallery.uid = embedding_set.gallery_uid
  WHERE set_change.set_uid = embedding_set.uid AND gallery.name = $1 AND due_at > now()`
