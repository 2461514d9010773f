/**
 * The rows of layouts; `gallery` is the number of a set, a name from when a gallery was one. Points are derived and
 * carry no checksum: a flipped bit only moves one of them.
 */
import type { LaidOut, LayoutAbout, LayoutPage, LayoutPlace, StoredLayout } from '../../../../gallery/layout.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'
import { type Purge, purgeOf } from '../database/purge.js'

export const layoutSchema = `
  CREATE TABLE layout (
    gallery    INTEGER PRIMARY KEY REFERENCES gallery (number),
    generation INTEGER NOT NULL,       -- of its points
    about      TEXT NOT NULL,          -- JSON
    checksum   INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE layout_point (
    gallery    INTEGER NOT NULL REFERENCES gallery (number),
    generation INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    id         TEXT NOT NULL,
    x          REAL NOT NULL,
    y          REAL NOT NULL,
    doubt      REAL
  ) STRICT;
  CREATE UNIQUE INDEX layout_point_at ON layout_point (gallery, generation, position);
`

interface LayoutRow {
  gallery: number
  generation: number
  about: string
}

const layoutRows = checksummedRows<LayoutRow>('A layout', ({ gallery, generation, about }) => [
  gallery,
  generation,
  about,
])

interface PointRow extends LaidOut {
  position: number
}

export interface NewPoints {
  set: number
  generation: number
  /** Position of the first point. */
  from: number
  points: LaidOut[]
}

export class LayoutTable {
  readonly #row: Statement<[number], LayoutRow & Checksum>
  readonly #save: Statement<[LayoutRow & Checksum]>
  readonly #insert: Statement<[number, number, number, string, number, number, number | null]>
  readonly #page: Statement<[number, number, number, number], PointRow>
  readonly #dropOthers: Statement<[number, number, number]>
  readonly purge: Purge

  constructor(database: Database) {
    this.#row = database.prepare('SELECT * FROM layout WHERE gallery = ?')
    this.#save = database.prepare('INSERT OR REPLACE INTO layout VALUES (@gallery, @generation, @about, @checksum)')
    this.#insert = database.prepare('INSERT INTO layout_point VALUES (?, ?, ?, ?, ?, ?, ?)')
    this.#page = database.prepare(
      `SELECT position, id, x, y, doubt FROM layout_point
       WHERE gallery = ? AND generation = ? AND position >= ? ORDER BY position LIMIT ?`,
    )
    this.#dropOthers = database.prepare('DELETE FROM layout_point WHERE gallery = ? AND generation <> ? LIMIT ?')
    this.purge = purgeOf(database, 'layout_point', 'layout')
  }

  /** @throws AlikeError `data_unreadable` */
  about(set: number): StoredLayout | undefined {
    const row = this.#row.get(set)
    if (row === undefined) return undefined
    const { about, generation } = layoutRows.checked(row)
    return { ...(JSON.parse(about) as LayoutAbout), generation }
  }

  page(set: number, { generation, position }: LayoutPlace, limit: number): LayoutPage {
    const rows = this.#page.all(set, generation, position, limit + 1)
    const points = rows.slice(0, limit).map(({ id, x, y, doubt }) => ({ id, x, y, doubt }))
    return { points, ...(rows.length > limit && { next: { generation, position: rows[limit]!.position } }) }
  }

  add({ set, generation, from, points }: NewPoints): void {
    for (const [i, { id, x, y, doubt }] of points.entries())
      this.#insert.run(set, generation, from + i, id, x, y, doubt)
  }

  finish(set: number, generation: number, about: LayoutAbout): void {
    this.#save.run(layoutRows.sealed({ gallery: set, generation, about: JSON.stringify(about) }))
  }

  /** Removes up to `limit` points of other layouts; false when none are left. */
  dropOthers(set: number, generation: number, limit: number): boolean {
    return this.#dropOthers.run(set, generation, limit).changes > 0
  }
}
