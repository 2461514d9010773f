/** Checks all picture rows for damage. */
import { checksumOfBytes, checksumOfValues } from '../database/checksum.js'
import type { Database } from '../database/database.js'
import { columns, isWhole, known, type StoredRow } from './image-row.js'

/** Data beside a record, which is null while its gallery is being removed. */
interface BesideRow {
  key: number
  gallery: number | null
  id: string | null
  bytes: Buffer
  checksum: number
}

const verifiedAtOnce = 1_000

/**
 * Keys of the records, over all galleries, that fail their checksum. Optimised for speed, because every start reads all
 * of them.
 */
export function damagedKeys(database: Database): number[] {
  const page = database
    .prepare<[number, number], (string | number | null)[]>(
      `SELECT ${columns.join(', ')}, checksum FROM image WHERE key > ? ORDER BY key LIMIT ?`,
    )
    .raw()
  const keys: number[] = []
  for (let after = -1; ; ) {
    const rows = page.all(after, verifiedAtOnce)
    for (const row of rows) if (checksumOfValues(known(row.slice(0, -1))) !== row.at(-1)) keys.push(row[0] as number)
    const last = rows.at(-1)
    if (last === undefined) return keys
    after = last[0] as number
  }
}

/**
 * Reads every row of every gallery, including deleted ones, and checks it against its checksum.
 * @param onRow called for each row; throwing ends the scan
 * @param onDamaged called for each picture with a damaged record, embedding, thumbnail or copy descriptor
 */
export function verifyAll(
  database: Database,
  onRow: () => void,
  onDamaged: (row: { gallery: number; id: string }) => void,
): void {
  for (const row of database.prepare<[], StoredRow>('SELECT * FROM image').iterate()) {
    if (!isWhole(row, true)) onDamaged({ gallery: row.gallery, id: String(row.id) })
    onRow()
  }
  for (const [table, column] of [
    ['embedding', 'vector'],
    ['thumbnail', 'webp'],
    ['copy_descriptor', 'descriptor'],
  ] as const) {
    const rows = database.prepare<[], BesideRow>(
      `SELECT key, gallery, id, ${column} AS bytes, ${table}.checksum FROM ${table} LEFT JOIN image USING (key)`,
    )
    for (const { key, gallery, id, bytes, checksum } of rows.iterate()) {
      if (checksumOfBytes(key, bytes) !== checksum && gallery !== null) onDamaged({ gallery, id: String(id) })
      onRow()
    }
  }
}
