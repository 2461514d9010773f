/** Prevents a folder that has lost its database from being treated as new. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { damaged } from './database.js'

/** Found only in a data folder that has, or had, a database. */
const traces = ['alike.db-wal', 'index', 'snapshots', 'spool']

/** @throws AlikeError `data_unreadable` if the database is missing but something derived from one is present */
export function expectDatabaseOrNothing(dataDir: string): void {
  if (sizeOf(join(dataDir, 'alike.db')) > 0) return
  const trace = traces.find((name) => sizeOf(join(dataDir, name)) > 0)
  if (trace === undefined) return
  throw damaged(
    `alike.db is gone or empty, but ${trace} is there. Restore a snapshot into an empty folder; to begin anew, empty this one.`,
  )
}

/** Bytes of a file, entries of a folder; 0 if missing. */
function sizeOf(path: string): number {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return 0
  return facts.isDirectory() ? readdirSync(path).length : facts.size
}
