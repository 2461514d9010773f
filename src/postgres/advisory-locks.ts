/** Advisory locks of this service: each has two numbers, its kind and a hash of what it is about. */
import { crc32 } from 'node:zlib'
import type { HeldLock } from '../gallery/writes.js'
import type { LockSession } from './lock-session.js'
import type { Sql } from './postgres.js'

/** First number. */
export const lockKinds = {
  writes: 0x616c6977,
  sets: 0x616c6973,
  mirror: 0x616c696d,
  removals: 0x616c6972,
  claims: 0x616c6963,
  arrivals: 0x616c6961,
  decisions: 0x616c6964,
  image: 0x616c6969,
} as const

/**
 * Calls one of PostgreSQL's functions.
 * @param name names that hash to the same number wait for each other, which is harmless
 */
export async function askLock(sql: Sql, ask: string, kind: number, name: string): Promise<boolean> {
  const [is] = await askLocks(sql, ask, kind, [name])
  return is === true
}

/** All of them or none. @returns undefined if another session holds one of them */
export async function tryLocks(
  session: LockSession,
  kind: number,
  names: readonly string[],
): Promise<HeldLock | undefined> {
  const taken = await askLocks(session, 'pg_try_advisory_lock', kind, names)
  const unlock = (some: readonly string[]) => askLocks(session, 'pg_advisory_unlock', kind, some)
  if (taken.includes(false)) {
    await unlock(names.filter((_, i) => taken[i]))
    return undefined
  }
  const lost = () => {
    session.giveUp()
    return false
  }
  return {
    // a session that still answers has lost none of its locks
    isHeld: () => session.query('SELECT').then(() => true, lost),
    release: () => unlock(names).then((wereHeld) => !wereHeld.includes(false), lost),
  }
}

/** One answer for each name. */
async function askLocks(sql: Sql, ask: string, kind: number, names: readonly string[]): Promise<boolean[]> {
  const rows = await sql.query<{ is: unknown }>(
    `SELECT ${ask}($1, number) AS is FROM unnest($2::int[]) WITH ORDINALITY AS asked (number, place) ORDER BY place`,
    [kind, names.map((name) => crc32(name) | 0)],
  )
  return rows.map(({ is }) => is === true)
}
