/**
 * Group commit: all writes that are waiting when the database becomes idle go into one transaction and are acknowledged
 * after its commit. A failed write fails alone; a failed commit fails the whole group.
 */
import { asAlikeError, type Database } from '../database/database.js'

/** A group closes after this time, so that its first write does not wait long. */
const groupMaxMs = 50

interface Waiting {
  write(): unknown
  resolve(result: unknown): void
  reject(error: unknown): void
}

export class WriteGroups {
  readonly #database: Database
  readonly #onUndone: () => void
  readonly #waiting: Waiting[] = []
  /** How many of the first that wait were undone by another write: their group consists of them alone. */
  #undone = 0
  #scheduled = false

  /** @param onUndone called when writes that had succeeded are undone with their group */
  constructor(database: Database, onUndone: () => void = () => {}) {
    this.#database = database
    this.#onUndone = onUndone
  }

  /** Resolves with the result of `write` once it is on disk. */
  add<Result>(write: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve: resolve as (result: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Immediates run after pending messages, which then form the group. */
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
    const most = this.#undone || Number.POSITIVE_INFINITY
    this.#undone = 0
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      const untilMs = performance.now() + groupMaxMs
      while (this.#waiting.length > 0 && group.length < most && performance.now() < untilMs) {
        const waiting = this.#waiting.shift()!
        const acknowledge = this.#apply(waiting)
        if (acknowledge === undefined) {
          this.#repeat(group)
          return
        }
        group.push(waiting)
        settle.push(acknowledge)
      }
      this.#database.exec('COMMIT')
      for (const acknowledge of settle) acknowledge()
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      this.#onUndone()
      // `BEGIN` itself failed: the waiting writes would fail in the same way.
      if (group.length === 0) group.push(...this.#waiting.splice(0))
      for (const { reject } of group) reject(asAlikeError(error))
    }
  }

  /** Otherwise a full database would refuse even the deletions that make room, as long as others add to it. */
  #repeat(group: readonly Waiting[]): void {
    this.#waiting.unshift(...group)
    this.#undone = group.length
    this.#onUndone()
  }

  /**
   * Runs a write inside a savepoint.
   * @returns the acknowledgement to send after the commit; undefined if the write has failed and undone the whole group
   */
  #apply({ write, resolve, reject }: Waiting): (() => void) | undefined {
    try {
      const result = this.#database.transaction(write)()
      return () => resolve(result)
    } catch (error) {
      const fail = () => reject(asAlikeError(error))
      // a full disk rolls back the whole transaction, not only the savepoint
      return this.#database.inTransaction ? fail : void fail()
    }
  }
}
