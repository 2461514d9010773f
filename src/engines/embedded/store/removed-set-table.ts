/** Sets of other engines whose rows were removed, until their storage there is known to be free; see `gallery/removed-sets.ts`. */
import type { RemovedSet } from '../../../gallery/catalogue.js'
import { checksumOfValues, expectChecksum } from './checksum.js'
import type { Database, Statement } from './database.js'

interface RemovedSetRow {
  uid: string
  engine: string
  removed_at: string
  checksum: number
}

export const removedSetSchema = `
  CREATE TABLE removed_set (
    uid        TEXT PRIMARY KEY,
    engine     TEXT NOT NULL,
    removed_at TEXT NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

export class RemovedSetTable {
  readonly #insert: Statement<[RemovedSetRow]>
  readonly #all: Statement<[], RemovedSetRow>
  readonly #delete: Statement<[string]>

  constructor(database: Database) {
    this.#insert = database.prepare('INSERT OR REPLACE INTO removed_set VALUES (@uid, @engine, @removed_at, @checksum)')
    this.#all = database.prepare('SELECT * FROM removed_set ORDER BY removed_at, uid')
    this.#delete = database.prepare('DELETE FROM removed_set WHERE uid = ?')
  }

  /** @param sets those of the embedded engine are passed over: their rows are removed here */
  add(sets: readonly Pick<RemovedSet, 'uid' | 'engine'>[], at: string): void {
    for (const { uid, engine } of sets) {
      const row = { uid, engine, removed_at: at }
      if (engine !== 'embedded') this.#insert.run({ ...row, checksum: checksumOf(row) })
    }
  }

  /** The earliest first. A damaged row may name a set that was not removed, and is left out. */
  all(): RemovedSet[] {
    const whole = this.#all.all().filter((row) => checksumOf(row) === row.checksum)
    return whole.map(({ uid, engine, removed_at: removedAt }) => ({ uid, engine, removedAt }))
  }

  delete(uid: string): void {
    this.#delete.run(uid)
  }
}

/** @throws AlikeError `data_unreadable` */
export function checkedRemovedSet(row: RemovedSetRow): RemovedSetRow {
  expectChecksum(checksumOf(row), row.checksum, 'A removed set')
  return row
}

function checksumOf({ uid, engine, removed_at: removedAt }: Omit<RemovedSetRow, 'checksum'>): number {
  return checksumOfValues([uid, engine, removedAt])
}
