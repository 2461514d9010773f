/** Row checksums detect what SQLite does not: a bit flipped inside a value. */
import { crc32 } from 'node:zlib'
import { type Database, damaged } from './database.js'

type Value = string | number | null

/** Checksum of a row's values in a fixed order. */
export function checksumOfValues(values: readonly Value[]): number {
  return crc32(JSON.stringify(values))
}

/**
 * Checksum of bytes together with their key, so that bytes under the wrong key fail too. NaN, which equals nothing, for
 * anything that is not bytes: a damaged row may hold a value of any type.
 */
export function checksumOfBytes(key: number, bytes: unknown): number {
  return bytes instanceof Uint8Array ? crc32(bytes, crc32(String(key))) : Number.NaN
}

/** @throws AlikeError `data_unreadable`. */
export function expectChecksum(found: number, stored: number, what: string): void {
  if (found !== stored) throw damaged(`${what} does not have the checksum it was stored with.`)
}

/**
 * Checks every row of a table.
 * @param check throws for a row that does not have its checksum
 * @param onRow called after each row; throwing ends the scan
 */
export function checkRows<Row>(
  database: Database,
  table: string,
  check: (row: Row) => unknown,
  onRow: () => void = () => {},
): void {
  for (const row of database.prepare<[], Row>(`SELECT * FROM ${table}`).iterate()) {
    check(row)
    onRow()
  }
}
