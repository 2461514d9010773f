/** Prevents a folder that has lost its database from being treated as new: what no picture uses would be deleted from it. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { damaged } from '../database/database.js'

/** Found only in a data folder that has, or had, a database. */
const traces = ['alike.db-wal', 'index', 'snapshots', 'spool', 'originals', 'queries']

/** A database that is being restored: it gets its name once it is complete. */
export const unfinishedName = 'alike.db.restoring'

/** @throws AlikeError `data_unreadable` if the database is missing but a part of one, or something derived from one, is present */
export function expectDatabaseOrNothing(dataDir: string): void {
  if (sizeOf(join(dataDir, 'alike.db')) > 0) return
  if (sizeOf(join(dataDir, unfinishedName)) > 0)
    throw damaged(
      `A restore into this folder was interrupted, or is under way. Repeat it; to begin anew, delete ${unfinishedName}.`,
    )
  const trace = traces.find((name) => sizeOf(join(dataDir, name)) > 0)
  if (trace === undefined) return
  throw damaged(
    `alike.db is gone or empty, but ${trace} is there. Restore a snapshot into an empty folder; to begin anew, empty this one.`,
  )
}

/** What a file system creates in a folder that is a volume of its own. */
const ofFileSystem = 'lost+found'

/** Bytes of a file, entries of a folder; 0 if missing. */
function sizeOf(path: string): number {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return 0
  if (!facts.isDirectory()) return facts.size
  return readdirSync(path).filter((name) => name !== ofFileSystem).length
}
