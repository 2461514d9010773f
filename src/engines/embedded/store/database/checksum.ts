/** Row checksums detect what SQLite does not: a bit flipped inside a value. */
import { crc32 } from 'node:zlib'
import { type Database, damaged } from './database.js'

type Value = string | number | null

/** Checksum of a row's values in a fixed order. */
export function checksumOfValues(values: readonly Value[]): number {
  return crc32(JSON.stringify(values))
}

/** Rows of one kind, whose checksum covers the same values in the same order. */
export interface ChecksummedRows<Row> {
  checksumOf(row: Row): number
  /** The row with its checksum. */
  sealed<Unsealed extends Row>(row: Unsealed): Unsealed & Checksum
  isWhole(row: Row & Checksum): boolean
  /** Returns the row, if there is one. @throws AlikeError `data_unreadable` */
  checked<Sealed extends (Row & Checksum) | undefined>(row: Sealed): Sealed
}

export interface Checksum {
  checksum: number
}

/** @param what the subject of the sentence that says that a row is damaged */
export function checksummedRows<Row>(
  what: string | ((row: Row) => string),
  valuesOf: (row: Row) => readonly Value[],
): ChecksummedRows<Row> {
  const checksumOf = (row: Row) => checksumOfValues(valuesOf(row))
  return {
    checksumOf,
    sealed: (row) => ({ ...row, checksum: checksumOf(row) }),
    isWhole: (row) => checksumOf(row) === row.checksum,
    checked(row) {
      if (row !== undefined) expectChecksum(checksumOf(row), row.checksum, typeof what === 'string' ? what : what(row))
      return row
    },
  }
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
 * @param onRow called after each row; throwing ends the scan
 * @throws AlikeError `data_unreadable` for a row that does not have its checksum
 */
export function checkRows<Row>(
  database: Database,
  table: string,
  rows: Pick<ChecksummedRows<Row>, 'checked'>,
  onRow: () => void = () => {},
): void {
  for (const row of database.prepare<[], Row & Checksum>(`SELECT * FROM ${table}`).iterate()) {
    rows.checked(row)
    onRow()
  }
}
