/** A folder whose database is gone must not be taken for a new one. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { damaged } from './database.js'

/** What only lies in a data folder that has, or had, a database. */
const traces = ['alike.db-wal', 'index', 'snapshots', 'spool']

/** @throws AlikeError `data_unreadable` when there is no database, and something that was made from one. */
export function expectDatabaseOrNothing(dataDir: string): void {
  if (sizeOf(join(dataDir, 'alike.db')) > 0) return
  const trace = traces.find((name) => sizeOf(join(dataDir, name)) > 0)
  if (trace === undefined) return
  throw damaged(
    `alike.db is gone or empty, but ${trace} is there. Restore a snapshot into an empty folder; to begin anew, empty this one.`,
  )
}

/** Bytes of a file, entries of a folder; 0 for what is not there. */
function sizeOf(path: string): number {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return 0
  return facts.isDirectory() ? readdirSync(path).length : facts.size
}
