/** The rows of decisions about findings. */
import { AlikeError } from '../../../../errors.js'
import type { DecidedFinding, DecidedImage, DecisionKind, StoredDecision } from '../../../../gallery/decisions.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'
import { type Purge, purgeOf } from '../database/purge.js'

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
type StoredRow = DecisionRow & Checksum & { unsettled?: number }

export const decisionRows = checksummedRows<NewRow>(
  'A decision',
  ({ gallery, kind, decision, images, label, keep, changed, judge, at }) => [
    gallery,
    kind,
    decision,
    images,
    label,
    keep,
    changed,
    judge,
    at,
  ],
)

/**
 * Decisions whose effects are still pending, or may be; older rows were stored together with their effects. Internal,
 * and not part of the checksum.
 */
export const unsettledDecisions = `
  ALTER TABLE decision ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX decision_unsettled ON decision (gallery, number) WHERE unsettled;
`

/** Derived from `decision.images`. */
export const decisionImageSchema = `
  CREATE TABLE decision_image (
    gallery  INTEGER NOT NULL,
    id       TEXT NOT NULL,
    decision INTEGER NOT NULL REFERENCES decision (number) ON DELETE CASCADE,
    PRIMARY KEY (gallery, id, decision)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX decision_image_of ON decision_image (decision);
  INSERT INTO decision_image
    SELECT DISTINCT gallery, json_extract(image.value, '$.id'), number
    FROM decision, json_each(CASE WHEN json_valid(images) THEN images ELSE '[]' END) AS image;
`

export interface NewDecisionRow {
  gallery: number
  finding: DecidedFinding
  /** Maximum decisions per gallery. */
  max: number
  at: string
}

export class DecisionTable {
  readonly #count: Statement<[number], number>
  readonly #insert: Statement<[NewRow & Checksum]>
  readonly #addImage: Statement<[number, string, number]>
  readonly #page: Statement<[number, number, number], StoredRow>
  readonly #pageOfImages: Statement<[{ gallery: number; after: number; limit: number; ids: string }], StoredRow>
  readonly #unsettled: Statement<[number], StoredRow>
  readonly #settle: Statement<[number, number]>
  readonly #delete: Statement<[number, number]>
  readonly purge: Purge

  constructor(database: Database) {
    this.#count = database.prepare<[number], number>('SELECT count(*) FROM decision WHERE gallery = ?').pluck()
    this.#insert = database.prepare(
      `INSERT INTO decision (gallery, kind, decision, images, label, keep, changed, judge, at, checksum, unsettled)
       VALUES (@gallery, @kind, @decision, @images, @label, @keep, @changed, @judge, @at, @checksum, 1)`,
    )
    this.#page = database.prepare('SELECT * FROM decision WHERE gallery = ? AND number > ? ORDER BY number LIMIT ?')
    this.#addImage = database.prepare('INSERT INTO decision_image VALUES (?, ?, ?)')
    this.#pageOfImages = database.prepare(
      `SELECT * FROM decision WHERE gallery = @gallery AND number > @after AND number IN
         (SELECT decision FROM decision_image WHERE gallery = @gallery AND id IN (SELECT value FROM json_each(@ids)))
       ORDER BY number LIMIT @limit`,
    )
    this.#unsettled = database.prepare('SELECT * FROM decision WHERE gallery = ? AND unsettled ORDER BY number')
    this.#settle = database.prepare('UPDATE decision SET unsettled = 0 WHERE gallery = ? AND number = ?')
    this.#delete = database.prepare('DELETE FROM decision WHERE gallery = ? AND number = ?')
    this.purge = purgeOf(database, 'decision')
  }

  /** Stored as unsettled. @throws AlikeError `decisions_full` */
  add({ gallery, finding, max, at }: NewDecisionRow): StoredDecision {
    if (this.#count.get(gallery)! >= max)
      throw new AlikeError('decisions_full', { detail: `The maximum is ${max} decisions.` })
    const row: NewRow = {
      gallery,
      kind: finding.kind,
      decision: finding.decision,
      images: JSON.stringify(finding.images),
      label: finding.label ?? null,
      keep: finding.keep ?? null,
      changed: finding.changed,
      judge: finding.by,
      at,
    }
    const { lastInsertRowid } = this.#insert.run(decisionRows.sealed(row))
    const number = Number(lastInsertRowid)
    for (const { id } of finding.images) this.#addImage.run(gallery, id, number)
    return recordOf({ ...row, number })
  }

  settle(gallery: number, number: number): void {
    this.#settle.run(gallery, number)
  }

  /** @throws AlikeError `data_unreadable` */
  page(gallery: number, after: number, limit: number, ids?: readonly string[]): StoredDecision[] {
    const rows =
      ids === undefined
        ? this.#page.all(gallery, after, limit)
        : this.#pageOfImages.all({ gallery, after, limit, ids: JSON.stringify(ids) })
    return rows.map((row) => recordOf(decisionRows.checked(row)))
  }

  /** @throws AlikeError `data_unreadable` */
  unsettled(gallery: number): StoredDecision[] {
    return this.#unsettled.all(gallery).map((row) => recordOf(decisionRows.checked(row)))
  }

  delete(gallery: number, number: number): void {
    this.#delete.run(gallery, number)
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
