/**
 * Connections to the one database file, and what its errors mean. The only importer of
 * better-sqlite3, and with it the only place that knows which database this is.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { AlikeError } from '../errors.js'

export type Database = BetterSqlite3.Database
export type Statement<Parameters extends unknown[], Row = unknown> = BetterSqlite3.Statement<Parameters, Row>

/** How long a connection waits for a lock, milliseconds; there is one writer, so it hardly ever does. */
const lockTimeoutMs = 10_000

export interface WriteConnectionOptions {
  /** Bytes the file may grow to; 0 for no limit. */
  maxBytes: number
}

/** Makes the file when it is missing. One such connection exists, in the writer thread. */
export function openForWriting(path: string, { maxBytes }: WriteConnectionOptions): Database {
  const database = new BetterSqlite3(path, { timeout: lockTimeoutMs })
  try {
    // Larger pages suit embeddings, and a deleted gallery's pages can be given back to the file
    // system. Both only matter before the first table; later the second would be a write, and a
    // service whose disk is full has to start and read.
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
    throw error
  }
}

/** For look-ups; sees what is committed at the moment of each statement. */
export function openForReading(path: string): Database {
  // Never memory-mapped: a file that is cut short under a mapping ends the process.
  return new BetterSqlite3(path, { readonly: true, fileMustExist: true, timeout: lockTimeoutMs })
}

/**
 * Copies what is committed at this moment into a new file of its own, in steps, so that the thread
 * can do other things in between. All of it is one read transaction: writes go on meanwhile, are not
 * in the copy and do not make it begin anew; the write-ahead log grows by them until it ends.
 *
 * @param onStep told the share that is copied; what it throws ends the copying, and the file is gone.
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
    // The copying does not say which of the two files it was; the one that is read is read all the time.
    if (sqliteCode(error) !== 'SQLITE_IOERR') throw error
    throw new AlikeError('storage_full', { detail: 'The copy can not be written.', cause: error })
  } finally {
    source.close()
  }
  const copy = new BetterSqlite3(to, { fileMustExist: true })
  try {
    copy.pragma('journal_mode = DELETE') // one plain file, that can be read without writing beside it
  } finally {
    copy.close()
  }
}

/** About 2 MB. */
const copiedPagesPerStep = 256

/**
 * Keeps other processes out of the data folder for as long as this one lives: the operating system
 * drops the lock when the process dies, in whatever way. A file of its own, because an exclusive
 * lock on the database would keep our own threads out as well.
 *
 * @returns a function that gives the lock back.
 * @throws AlikeError `data_unreadable`.
 */
export function lockFolder(folder: string): () => void {
  try {
    mkdirSync(folder, { recursive: true })
    const lock = new BetterSqlite3(join(folder, 'alike.lock'), { timeout: 0 })
    try {
      lock.pragma('journal_mode = MEMORY') // nothing is ever written: a full disk is locked as well
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      throw error
    }
    return () => void lock.close()
  } catch (cause) {
    throw new AlikeError('data_unreadable', { detail: lockFault(sqliteCode(cause)), cause })
  }
}

function lockFault(code: string): string {
  if (code.startsWith('SQLITE_BUSY')) return 'Another process is using it.'
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) return 'Its lock, alike.lock, is damaged; it holds nothing and can be deleted.'
  return 'It can not be locked: is it there, and may this user write to it?'
}

/** What an error of the database means to the rest of Alike. */
export function asAlikeError(error: unknown): AlikeError {
  if (error instanceof AlikeError) return error
  const code = sqliteCode(error)
  if (code === 'SQLITE_FULL') return new AlikeError('storage_full', { cause: error })
  // Quotas and file size limits come as failed writes.
  if (/^SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE|SHMOPEN)$/.test(code)) {
    return new AlikeError('storage_full', { detail: 'The data folder can not be written to.', cause: error })
  }
  if (/^SQLITE_(CORRUPT|NOTADB|CANTOPEN|READONLY|PERM|IOERR)/.test(code)) return damaged('The database is damaged or can not be read.', error)
  return new AlikeError('internal', { cause: error })
}

export function damaged(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('data_unreadable', { detail, cause })
}

/** Runs a piece of work with the database and translates what it throws. */
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
