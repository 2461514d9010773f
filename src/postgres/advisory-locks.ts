/** Advisory locks of this service: each has two numbers, its kind and a hash of what it is about. */
import { crc32 } from 'node:zlib'
import type { Sql } from './postgres.js'

/** First number. */
export const lockKinds = {
  writes: 0x616c6977,
  sets: 0x616c6973,
  mirror: 0x616c696d,
  removals: 0x616c6972,
  claims: 0x616c6963,
  decisions: 0x616c6964,
  image: 0x616c6969,
} as const

/**
 * Calls one of PostgreSQL's functions.
 * @param name names that hash to the same number wait for each other, which is harmless
 */
export async function askLock(sql: Sql, ask: string, kind: number, name: string): Promise<boolean> {
  const [row] = await sql.query<{ is: unknown }>(`SELECT ${ask}($1, $2) AS is`, [kind, crc32(name) | 0])
  return row?.is === true
}
