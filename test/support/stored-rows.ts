/** Rows as services of before have written them: what is refused at the door today lies in data folders of then. */
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { checksumOfValues } from '../../src/gallery/checksum.js'

type Row = Record<string, string | number | null> & { checksum: number }
const columns = ['key', 'gallery', 'id', 'label', 'metadata', 'content_hash', 'model_id', 'width', 'height', 'format', 'bytes', 'thumbnail', 'created_at', 'updated_at']

/** @param changes of columns, by the id of a picture; checksums are made of what was meant, as a writer makes them */
export function rewriteImages(dataDir: string, changes: Record<string, Partial<Record<'id' | 'label' | 'metadata', string>>>): void {
  const database = new BetterSqlite3(join(dataDir, 'alike.db'))
  try {
    for (const [id, change] of Object.entries(changes)) {
      const row: Row = Object.assign(database.prepare('SELECT * FROM image WHERE id = ?').get(id) as Row, change)
      row.checksum = checksumOfValues(columns.map((name) => row[name]!))
      database.prepare('UPDATE image SET id = @id, label = @label, metadata = @metadata, checksum = @checksum WHERE key = @key').run(row)
    }
  } finally {
    database.close()
  }
}
