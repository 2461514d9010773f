/** Writes rows as older versions did: data that is refused today may exist in old data folders. */
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { checksumOfValues } from '../../src/engines/embedded/store/database/checksum.js'
import { rewriteTables } from '../../src/engines/embedded/store/database/database.js'
import { checksumOfGalleryBefore, type GalleryRowBefore } from '../../src/engines/embedded/store/database/set-schema.js'
import { jobRows, type StoredJobRow } from '../../src/engines/embedded/store/jobs/stored-job-row.js'

type Row = Record<string, string | number | null> & { checksum: number }
const columns = [
  'key',
  'gallery',
  'id',
  'label',
  'metadata',
  'content_hash',
  'model_id',
  'width',
  'height',
  'format',
  'bytes',
  'thumbnail',
  'created_at',
  'updated_at',
]

/** The last schema version whose services accepted every text. */
const textlessVersion = 7
/** Removes what that version did not have. */
export function dropYounger(database: BetterSqlite3.Database): void {
  takeBackSets(database)
  database.exec(
    [
      'DROP TRIGGER image_released; DROP INDEX image_by_content; DROP TABLE released_original;',
      ...['feedback', 'decision', 'layout', 'layout_point', 'webhook'].map((table) => `DROP TABLE ${table};`),
      'ALTER TABLE gallery DROP COLUMN engine;',
      ...['priority', 'paused'].map((column) => `ALTER TABLE job DROP COLUMN ${column};`),
    ].join(' '),
  )
}

/** Restores galleries to the time when each had one set with the gallery's uid. */
export function takeBackSets(database: BetterSqlite3.Database): void {
  takeBackReferences(database)
  const rows = database
    .prepare<[], GalleryRowBefore>(
      `SELECT gallery.number, name, gallery.uid, model_id, dimension, settings, count, next_slot, gallery.created_at, updated_at, engine
       FROM gallery JOIN embedding_set ON embedding_set.number = serving`,
    )
    .all()
  rewriteTables(database, ['image', 'layout', 'layout_point'], (sql) =>
    sql.replaceAll('REFERENCES embedding_set (number)', 'REFERENCES gallery (number)'),
  )
  database.exec('DROP TABLE embedding_set; ALTER TABLE gallery DROP COLUMN serving;')
  for (const column of ['model_id', 'updated_at']) addColumn(database, column, `TEXT NOT NULL DEFAULT ''`)
  for (const column of ['dimension', 'count', 'next_slot']) addColumn(database, column, 'INTEGER NOT NULL DEFAULT 0')
  addColumn(database, 'engine', `TEXT NOT NULL DEFAULT 'embedded'`)
  const update = database.prepare(
    `UPDATE gallery SET model_id = @model_id, dimension = @dimension, count = @count, next_slot = @next_slot,
       updated_at = @updated_at, engine = @engine, checksum = @checksum WHERE number = @number`,
  )
  for (const row of rows) update.run({ ...row, checksum: checksumOfGalleryBefore(row) })
}

/** Restores images and galleries to the time before references to originals. */
export function takeBackReferences(database: BetterSqlite3.Database): void {
  database.exec(
    'DROP TABLE removed_set; DROP TABLE decision_image; DROP INDEX feedback_in_order; DROP INDEX job_by_end;',
  )
  database.exec('ALTER TABLE image DROP COLUMN reference; ALTER TABLE gallery DROP COLUMN options;')
}

function addColumn(database: BetterSqlite3.Database, name: string, type: string): void {
  database.exec(`ALTER TABLE gallery ADD COLUMN ${name} ${type}`)
}

/** Texts as accepted then, by picture id: SQLite's encoding of them, under the checksum of the intended text. */
export function storeTexts(dataDir: string, changes: Parameters<typeof rewriteImages>[1]): void {
  rewriteImages(dataDir, changes)
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  dropYounger(database)
  database.pragma(`user_version = ${textlessVersion}`)
  database.close()
}

/** Damage that SQLite does not detect: a value changes and its checksum stays. */
export function damageImage(
  dataDir: string,
  id: string,
  column: 'label' | 'metadata' | 'content_hash',
  value: string,
): void {
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  database.prepare(`UPDATE image SET ${column} = ? WHERE id = ?`).run(value, id)
  database.close()
}

/** The same for the first or last gallery, set or webhook, and for data beside a picture. */
export function damageRow(
  dataDir: string,
  table: 'gallery' | 'embedding_set' | 'embedding' | 'thumbnail' | 'copy_descriptor' | 'decision' | 'webhook',
  column: string,
  value: string | number | Uint8Array,
  which: 'min' | 'max' = 'min',
): void {
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  database.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = (SELECT ${which}(rowid) FROM ${table})`).run(value)
  database.close()
}

/** @param changes of columns, by picture id; checksums cover the intended values, as a writer computes them */
export function rewriteImages(
  dataDir: string,
  changes: Record<string, Partial<Record<'id' | 'label' | 'metadata', string>>>,
): void {
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  try {
    for (const [id, change] of Object.entries(changes)) {
      const row: Row = Object.assign(database.prepare('SELECT * FROM image WHERE id = ?').get(id) as Row, change)
      row.checksum = checksumOfValues(columns.map((name) => row[name]!))
      const texts = Object.fromEntries(
        ['id', 'label', 'metadata'].map((name) => [name, bytesOf(row[name] as string | null)]),
      )
      database
        .prepare(
          'UPDATE image SET id = CAST(@id AS TEXT), label = CAST(@label AS TEXT), metadata = CAST(@metadata AS TEXT), checksum = @checksum WHERE key = @key',
        )
        .run({ ...row, ...texts })
    }
  } finally {
    database.close()
  }
}

/** The source of every job, as a version stored it that did not record what it received. */
export function forgetUploads(dataDir: string): void {
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  for (const row of database.prepare<[], StoredJobRow>('SELECT * FROM job').all()) {
    const { bytes: _bytes, crc32: _crc32, ...source } = JSON.parse(row.source)
    const before = { ...row, source: JSON.stringify(source) }
    database.prepare('UPDATE job SET source = @source, checksum = @checksum WHERE number = @number').run({
      number: row.number,
      source: before.source,
      checksum: jobRows.checksumOf(before),
    })
  }
  database.close()
}

/** As the addon wrote them then: an unpaired surrogate as three bytes that are not UTF-8. */
function bytesOf(text: string | null): Buffer | null {
  if (text === null) return null
  if (!/\p{Surrogate}/u.test(text)) return Buffer.from(text)
  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.codePointAt(0)!
      return code >= 0xd800 && code <= 0xdfff
        ? Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
        : Buffer.from(character)
    }),
  )
}
