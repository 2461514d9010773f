/**
 * Connections to the database file and the translation of its errors. The only importer of better-sqlite3, and
 * therefore the only place that knows which database this is.
 */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { AlikeError } from '../../../../errors.js'

export type Database = BetterSqlite3.Database
export type Statement<Parameters extends unknown[], Row = unknown> = BetterSqlite3.Statement<Parameters, Row>

/** Backups of older versions lack newer tables. */
export function hasTable(database: Database, name: string): boolean {
  return database.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined
}

/**
 * Changes table declarations without touching rows, where SQLite has no statement for it: the table that a foreign key
 * references. Follows https://www.sqlite.org/lang_altertable.html; call it inside a transaction.
 */
export function rewriteTables(database: Database, names: readonly string[], change: (sql: string) => string): void {
  const version = database.pragma('schema_version', { simple: true }) as number
  database.unsafeMode(true)
  try {
    database.pragma('writable_schema = ON')
    const read = database.prepare<[string], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
    const write = database.prepare(`UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?`)
    for (const name of names) write.run(change(read.pluck().get(name)!), name)
    database.pragma(`schema_version = ${version + 1}`)
    database.pragma('writable_schema = RESET')
  } finally {
    database.unsafeMode(false)
  }
}

/** How long a connection waits for a lock, in milliseconds. There is only one writer, so it rarely waits. */
const lockTimeoutMs = 10_000

export interface WriteConnectionOptions {
  /** Maximum size of the file in bytes; 0 for no limit. */
  maxBytes: number
}

/** The oldest Node version the addon supports. It does not reject older ones, it crashes on them. */
const oldestNode = 22

function connect(path: string, options: BetterSqlite3.Options): Database {
  const [major] = process.versions.node.split('.').map(Number)
  if (major! < oldestNode) {
    throw new AlikeError('config_invalid', {
      detail: `Node.js ${process.versions.node} is too old to run Alike; npm scripts and npx node run the ${oldestNode + 2} that npm ci installed.`,
    })
  }
  return new BetterSqlite3(path, options)
}

/** Creates the file if it is missing. Only the writer thread opens such a connection. */
export function openForWriting(path: string, { maxBytes }: WriteConnectionOptions): Database {
  const database = connect(path, { timeout: lockTimeoutMs })
  try {
    // Larger pages suit embeddings, and auto-vacuum can return a deleted gallery's pages to the file
    // system. Both take effect only before the first table; setting the second later would be a write,
    // and a service whose disk is full must still start and read.
    if (database.pragma('page_count', { simple: true }) === 0) {
      database.pragma('page_size = 8192')
      database.pragma('auto_vacuum = INCREMENTAL')
    }
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    database.pragma('journal_size_limit = 67108864')
    if (maxBytes > 0) {
      const pageBytes = database.pragma('page_size', { simple: true }) as number
      database.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`)
    }
    return database
  } catch (error) {
    database.close()
    throw sqliteCode(error) === 'SQLITE_CANTOPEN' ? faultOfSideFiles(path, error) : error
  }
}

/** The database itself opens; its log or the log's index does not. */
function faultOfSideFiles(path: string, cause: unknown): AlikeError {
  try {
    accessSync(dirname(path), constants.W_OK)
  } catch {
    return damaged('This user may not make files in it.', cause)
  }
  return new AlikeError('storage_full', { detail: 'The write-ahead log of the database cannot be created.', cause })
}

/** For look-ups; each statement sees what is committed when it runs. */
export function openForReading(path: string): Database {
  // Never memory-mapped: a file truncated under a mapping kills the process.
  return connect(path, { readonly: true, fileMustExist: true, timeout: lockTimeoutMs })
}

/**
 * For look-ups when the disk has no room for the shared index of the log: this connection keeps the index in its own
 * memory and locks out all others, including those of this process. It writes nothing until it is closed.
 */
export function openAlone(path: string): Database {
  const database = connect(path, { fileMustExist: true, timeout: lockTimeoutMs })
  try {
    database.pragma('locking_mode = EXCLUSIVE') // before the first read, which opens the log
    database.pragma('query_only = ON')
    database.prepare('SELECT 1 FROM sqlite_schema').get()
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Copies the committed state into a new file, in steps, so that the thread can do other work in between. The copy is
 * one read transaction: concurrent writes neither appear in it nor restart it, but the write-ahead log grows until it
 * ends.
 *
 * @param onStep receives the share copied so far; throwing ends the copy and deletes the file
 */
export async function copyDatabase(from: string, to: string, onStep: (share: number) => void): Promise<void> {
  const source = openForReading(from)
  try {
    source.exec('BEGIN')
    source.prepare('SELECT 1 FROM sqlite_schema').get() // a transaction begins with its first read
    await source.backup(to, {
      progress({ totalPages, remainingPages }) {
        if (totalPages > 0) onStep(1 - remainingPages / totalPages)
        return copiedPagesPerStep
      },
    })
  } catch (error) {
    // SQLite does not say which of the two files failed; the source is being read all the time.
    if (sqliteCode(error) !== 'SQLITE_IOERR') throw error
    throw new AlikeError('storage_full', { detail: 'The copy cannot be written.', cause: error })
  } finally {
    source.close()
  }
  const copy = connect(to, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = DELETE') // a single file that can be read without writing beside it
  } finally {
    copy.close()
  }
}

/** About 2 MB. */
const copiedPagesPerStep = 256

/** Translates a database error into an Alike error. */
export function asAlikeError(error: unknown): AlikeError {
  if (error instanceof AlikeError) return error
  const code = sqliteCode(error)
  if (code === 'SQLITE_FULL') return new AlikeError('storage_full', { cause: error })
  // Quotas and file size limits surface as failed writes.
  if (/^SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE|SHMOPEN)$/.test(code)) {
    return new AlikeError('storage_full', { detail: 'The data folder is not writable.', cause: error })
  }
  if (/^SQLITE_(CORRUPT|NOTADB|CANTOPEN|READONLY|PERM|IOERR)/.test(code))
    return damaged('The database is damaged or cannot be read.', error)
  return new AlikeError('internal', { cause: error })
}

export function damaged(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('data_unreadable', { detail, cause })
}

/** Runs database work and translates the errors it throws. */
export function withDatabase<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw asAlikeError(error)
  }
}

function sqliteCode(error: unknown): string {
  return error instanceof BetterSqlite3.SqliteError ? error.code : ''
}
