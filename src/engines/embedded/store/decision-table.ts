/** The rows of decisions about findings. */
import type { DecidedImage, DecisionKind, NewDecision, StoredDecision } from '../../../gallery/decisions.js'
import { checksumOfValues, expectChecksum } from './checksum.js'
import type { Database, Statement } from './database.js'

export const decisionSchema = `
  CREATE TABLE decision (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    gallery  INTEGER NOT NULL REFERENCES gallery (number),
    kind     TEXT NOT NULL,
    decision TEXT NOT NULL,
    images   TEXT NOT NULL,            -- JSON
    label    TEXT,
    keep     TEXT,
    changed  INTEGER NOT NULL,
    judge    TEXT NOT NULL,
    at       TEXT NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX decision_of_gallery ON decision (gallery, number);
`

interface DecisionRow {
  number: number
  gallery: number
  kind: string
  decision: string
  images: string
  label: string | null
  keep: string | null
  changed: number
  judge: string
  at: string
}
type NewRow = Omit<DecisionRow, 'number'>
type StoredRow = DecisionRow & { checksum: number }

export interface DecidedChange {
  decision: NewDecision
  images: DecidedImage[]
  changed: number
  at: string
}

export class DecisionTable {
  readonly #database: Database
  readonly #count: Statement<[number], number>
  readonly #insert: Statement<[NewRow & { checksum: number }]>
  readonly #page: Statement<[number, number, number], StoredRow>
  readonly #delete: Statement<[number]>
  readonly #purge: Statement<[number, number]>

  constructor(database: Database) {
    this.#database = database
    this.#count = database.prepare<[number], number>('SELECT count(*) FROM decision WHERE gallery = ?').pluck()
    this.#insert = database.prepare(
      `INSERT INTO decision (gallery, kind, decision, images, label, keep, changed, judge, at, checksum)
       VALUES (@gallery, @kind, @decision, @images, @label, @keep, @changed, @judge, @at, @checksum)`,
    )
    this.#page = database.prepare('SELECT * FROM decision WHERE gallery = ? AND number > ? ORDER BY number LIMIT ?')
    this.#delete = database.prepare('DELETE FROM decision WHERE number = ?')
    this.#purge = database.prepare('DELETE FROM decision WHERE gallery = ? LIMIT ?')
  }

  count(gallery: number): number {
    return this.#count.get(gallery)!
  }

  insert(gallery: number, { decision, images, changed, at }: DecidedChange): StoredDecision {
    const row: NewRow = {
      gallery,
      kind: decision.kind,
      decision: decision.decision,
      images: JSON.stringify(images),
      label: 'label' in decision ? decision.label : null,
      keep: 'keep' in decision ? decision.keep : null,
      changed,
      judge: decision.by,
      at,
    }
    const { lastInsertRowid } = this.#insert.run({ ...row, checksum: checksumOf(row) })
    return recordOf({ ...row, number: Number(lastInsertRowid) })
  }

  /** @throws AlikeError `data_unreadable` */
  page(gallery: number, after: number, limit: number): StoredDecision[] {
    return this.#page.all(gallery, after, limit).map((row) => recordOf(checked(row)))
  }

  /** @throws AlikeError `data_unreadable` */
  find(gallery: number, number: number): StoredDecision | undefined {
    return this.page(gallery, number - 1, 1).find((decision) => decision.number === number)
  }

  delete(number: number): void {
    this.#delete.run(number)
  }

  /** Removes up to `limit` rows of a deleted gallery; false when none is left. */
  purge(gallery: number, limit: number): boolean {
    return this.#purge.run(gallery, limit).changes > 0
  }

  /** Compares every row with its checksum. @throws AlikeError `data_unreadable` */
  verifyAll(onRow: () => void): void {
    for (const row of this.#database.prepare<[], StoredRow>('SELECT * FROM decision').iterate()) {
      checked(row)
      onRow()
    }
  }
}

function recordOf(row: DecisionRow): StoredDecision {
  return {
    number: row.number,
    kind: row.kind as DecisionKind,
    decision: row.decision as StoredDecision['decision'],
    images: JSON.parse(row.images) as DecidedImage[],
    ...(row.decision === 'set-label' && { label: row.label }),
    ...(row.keep !== null && { keep: row.keep }),
    changed: row.changed,
    by: row.judge,
    at: row.at,
  }
}

function checked(row: StoredRow): DecisionRow {
  expectChecksum(checksumOf(row), row.checksum, 'A decision')
  return row
}

function checksumOf({ gallery, kind, decision, images, label, keep, changed, judge, at }: NewRow): number {
  return checksumOfValues([gallery, kind, decision, images, label, keep, changed, judge, at])
}
