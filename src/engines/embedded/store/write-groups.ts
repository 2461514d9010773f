/**
 * Group commit: every write that waits when the database is idle goes into one transaction, and
 * hears of its success after the commit. A write that fails is undone alone; a commit that fails
 * fails all of them.
 */
import { asAlikeError, type Database } from './database.js'

/** A group takes no more writes after this time, so that the first does not wait for long. */
const groupMaxMs = 50

interface Waiting {
  write(): unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

export class WriteGroups {
  readonly #database: Database
  readonly #waiting: Waiting[] = []
  #scheduled = false

  constructor(database: Database) {
    this.#database = database
  }

  /** Resolves with what `write` returned, once it is on the disk. */
  add<Result>(write: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve: resolve as (result: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Immediates run after the messages that have arrived: those make up the group. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#commitGroup()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #commitGroup(): void {
    const settle: (() => void)[] = []
    const group: Waiting[] = []
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      const untilMs = performance.now() + groupMaxMs
      while (this.#waiting.length > 0 && performance.now() < untilMs) {
        const waiting = this.#waiting.shift()!
        group.push(waiting)
        settle.push(this.#apply(waiting))
      }
      this.#database.exec('COMMIT')
      for (const tell of settle) tell()
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      // `BEGIN` itself failed: those who wait would fail in the same way.
      if (group.length === 0) group.push(...this.#waiting.splice(0))
      for (const { reject } of group) reject(asAlikeError(error))
    }
  }

  /** Does a write inside a savepoint; returns what to tell its caller after the commit. */
  #apply({ write, resolve, reject }: Waiting): () => void {
    try {
      const result = this.#database.transaction(write)()
      return () => resolve(result)
    } catch (error) {
      // A full disk ends the whole transaction, not only the savepoint: nothing of the group is kept.
      if (!this.#database.inTransaction) throw error
      return () => reject(asAlikeError(error))
    }
  }
}
