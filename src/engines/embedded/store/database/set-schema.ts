/**
 * A step of the schema: separates sets from galleries, so that a gallery can have two. Picture rows stay where they
 * are: a gallery's first set takes over the gallery's number and uid.
 */

import { galleryRows } from '../catalogue/gallery-row.js'
import { setRows } from '../catalogue/set-table.js'
import { checksumOfValues } from './checksum.js'
import { type Database, rewriteTables } from './database.js'

const setSchema = `
  CREATE TABLE embedding_set (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    uid        TEXT NOT NULL UNIQUE,
    gallery    INTEGER NOT NULL REFERENCES gallery (number),
    engine     TEXT NOT NULL,
    model_id   TEXT NOT NULL,
    dimension  INTEGER NOT NULL,
    stage      TEXT NOT NULL,          -- building, ready, kept; dropped until all of its rows are gone
    about      TEXT NOT NULL,          -- JSON
    count      INTEGER NOT NULL,
    next_slot  INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX set_of_gallery ON embedding_set (gallery, number);
  ALTER TABLE gallery ADD COLUMN serving INTEGER NOT NULL DEFAULT 0; -- number of the set that does
`
const movedColumns = ['model_id', 'dimension', 'count', 'next_slot', 'updated_at', 'engine']

/** A gallery row before this step. */
export interface GalleryRowBefore {
  number: number
  name: string | null
  uid: string
  model_id: string
  dimension: number
  settings: string
  count: number
  next_slot: number
  created_at: string
  updated_at: string
  engine: string
}

export function separateSets(database: Database): void {
  database.exec(setSchema)
  const insert = database.prepare<[object]>(
    `INSERT INTO embedding_set VALUES (@number, @uid, @gallery, @engine, @model_id, @dimension, @stage, @about, @count,
       @next_slot, @created_at, @updated_at, @checksum)`,
  )
  const update = database.prepare<[number, number, number]>(
    'UPDATE gallery SET serving = ?, checksum = ? WHERE number = ?',
  )
  const rows = database.prepare<[], GalleryRowBefore & { checksum: number }>('SELECT * FROM gallery').all()
  for (const { checksum, ...row } of rows) {
    const { number, name, uid, settings, created_at, ...moved } = row
    // damaged rows stay reported as damaged
    const isWhole = checksumOfGalleryBefore(row) === checksum
    const stage = name === null ? 'dropped' : 'ready'
    const set = { ...moved, number, uid, gallery: number, stage, about: '{}', created_at } as const
    insert.run({ ...set, checksum: isWhole ? setRows.checksumOf(set) : checksum })
    const gallery = { number, name, uid, settings, created_at, serving: number, options: '{}' }
    update.run(number, isWhole ? galleryRows.checksumOf(gallery) : checksum, number)
  }
  for (const column of movedColumns) database.exec(`ALTER TABLE gallery DROP COLUMN ${column}`)
  rewriteTables(database, ['image', 'layout', 'layout_point'], (sql) =>
    sql.replaceAll('REFERENCES gallery (number)', 'REFERENCES embedding_set (number)'),
  )
}

/** Rows written before engines had names contain none. */
export function checksumOfGalleryBefore(row: GalleryRowBefore): number {
  const { number, name, uid, model_id, dimension, settings, count, next_slot, created_at, updated_at, engine } = row
  const values = [number, name, uid, model_id, dimension, settings, count, next_slot, created_at, updated_at]
  return checksumOfValues(engine === 'embedded' ? values : [...values, engine])
}
