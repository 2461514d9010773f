/** Sets of other engines whose rows were removed, until their storage there is known to be free; see `gallery/removed-sets.ts`. */
import type { RemovedSet } from '../../../../gallery/catalogue.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'

interface RemovedSetRow {
  uid: string
  engine: string
  removed_at: string
}

const removedSetRows = checksummedRows<RemovedSetRow>('A removed set', ({ uid, engine, removed_at }) => [
  uid,
  engine,
  removed_at,
])

export const removedSetSchema = `
  CREATE TABLE removed_set (
    uid        TEXT PRIMARY KEY,
    engine     TEXT NOT NULL,
    removed_at TEXT NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

export class RemovedSetTable {
  readonly #insert: Statement<[RemovedSetRow & Checksum]>
  readonly #all: Statement<[], RemovedSetRow & Checksum>
  readonly #delete: Statement<[string]>

  constructor(database: Database) {
    this.#insert = database.prepare('INSERT OR REPLACE INTO removed_set VALUES (@uid, @engine, @removed_at, @checksum)')
    this.#all = database.prepare('SELECT * FROM removed_set ORDER BY removed_at, uid')
    this.#delete = database.prepare('DELETE FROM removed_set WHERE uid = ?')
  }

  /** @param sets those of the embedded engine are passed over: their rows are removed here */
  add(sets: readonly Pick<RemovedSet, 'uid' | 'engine'>[], at: string): void {
    for (const { uid, engine } of sets) {
      if (engine !== 'embedded') this.#insert.run(removedSetRows.sealed({ uid, engine, removed_at: at }))
    }
  }

  /** The earliest first. A damaged row may name a set that was not removed, and is left out. */
  all(): RemovedSet[] {
    const whole = this.#all.all().filter(removedSetRows.isWhole)
    return whole.map(({ uid, engine, removed_at: removedAt }) => ({ uid, engine, removedAt }))
  }

  delete(uid: string): void {
    this.#delete.run(uid)
  }
}
