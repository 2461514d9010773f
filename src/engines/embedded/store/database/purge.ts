/** Removal of the rows of a dropped set or a deleted gallery, a limited number at a time. */
import type { Database } from './database.js'

/** Removes up to `limit` rows of each table; false when none are left. */
export type Purge = (gallery: number, limit: number) => boolean

/** @param tables whose rows name the set or gallery in a column of this name, in the order of removal */
export function purgeOf(database: Database, ...tables: string[]): Purge {
  const statements = tables.map((table) =>
    database.prepare<[number, number]>(`DELETE FROM ${table} WHERE gallery = ? LIMIT ?`),
  )
  return (gallery, limit) => statements.map((one) => one.run(gallery, limit).changes).some((changes) => changes > 0)
}
