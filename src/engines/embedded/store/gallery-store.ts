/**
 * The durable truth as seen by the main thread: short reads on its own connection, long reads in the reader thread,
 * every write through the writer thread. The log says what its operator should know.
 *
 * When the disk lacks the room SQLite needs beside the database to write, the store opens read-only and becomes
 * writable as soon as there is room, or a deletion gets that of the reserve.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { AlikeError } from '../../../errors.js'
import type { GalleryRow } from './catalogue/gallery-row.js'
import { CopyQuestions } from './copies/copy-questions.js'
import { damaged, withDatabase } from './database/database.js'
import { networkFileSystem } from './folder/file-systems.js'
import { type FolderLock, lockFolder } from './folder/folder-lock.js'
import { expectDatabaseOrNothing } from './folder/lost-database.js'
import { hasRoom, keepPlaceOfLog } from './folder/room.js'
import { expectWritableParts } from './folder/writable-parts.js'
import type { ImageTableOptions } from './images/image-row.js'
import type { ReaderCalls } from './reading/reader-protocol.js'
import {
  openBesideOthers,
  openReads,
  openReadsAlone,
  type StoreReads,
  type StoreTables,
} from './reading/store-reads.js'
import { StoreThreads } from './store-threads.js'
import { StoreWrites } from './writing/store-writes.js'

export interface GalleryStoreOptions extends ImageTableOptions {
  /** Created if missing; locked against a second process. */
  dataDir: string
  /** Maximum size of the database file in bytes; 0 for no limit. */
  maxBytes: number
  /** Maximum unacknowledged writes; one more is refused with `overloaded`. */
  writesMax: number
  /** Called once when a thread dies or the database file is deleted or replaced. */
  onFailure(error: AlikeError): void
  logger: Logger
}

/** How often the store checks whether there is room for what it lacks, and the bytes it must be able to write to open. */
const roomCheckMs = 5_000
const roomNeededBytes = 256 * 1024

interface StoreParts {
  options: GalleryStoreOptions
  path: string
  lock: FolderLock
  threads: StoreThreads
}

export class GalleryStore {
  /** Path of the database, for threads with their own connections. */
  readonly path: string
  readonly writes: StoreWrites
  readonly copies = new CopyQuestions(async (name, request) =>
    this.#readerOpen ? this.#parts.threads.copies.call(name, request) : this.#reads.copies[name](request),
  )
  readonly #parts: StoreParts
  #reads: StoreReads
  /** Whether the reader thread is open, and the copies thread may read: from the start if there is room. */
  #readerOpen: boolean
  /** Set once alike.db is no longer the file that was opened. */
  #taken: AlikeError | undefined
  readonly #roomChecks: NodeJS.Timeout
  #checking: Promise<void> | undefined

  private constructor(parts: StoreParts, reads: StoreReads) {
    this.path = parts.path
    this.#parts = parts
    this.#reads = reads
    this.#readerOpen = !reads.alone
    const { dataDir, writesMax: max, logger } = parts.options
    this.writes = new StoreWrites({
      dataDir,
      max,
      isOpen: !reads.alone,
      expectOwnFile: () => this.#expectOwnFile(),
      send: (name, request) => parts.threads.writer.call(name, request),
      onReleased: () => this.#useReserve(),
      onGivenUp: () => this.#logIfWritable(),
      onRemovalFailure: (err) => logger.error({ err }, removalFailure),
    })
    this.#roomChecks = setInterval(() => void this.#checkRoom(), roomCheckMs).unref()
  }

  /**
   * @throws AlikeError `data_unreadable` when the folder is in use, damaged or from a newer version; `storage_full`
   * when a new database or one from an older version cannot even be read without free space.
   */
  static async open(options: GalleryStoreOptions): Promise<GalleryStore> {
    const { dataDir, maxBytes, onFailure, logger } = options
    const lock = await lockData(dataDir)
    const path = join(dataDir, 'alike.db')
    const threads = new StoreThreads({ path, maxBytes, onFailure, logger })
    let reads: StoreReads | undefined
    let store: GalleryStore | undefined
    try {
      const hasRoom = await threads.openWriter()
      if (hasRoom) await threads.openReader()
      reads = hasRoom ? openReads(path, options) : openReadsAlone(path, options)
      store = new GalleryStore({ options, path, lock, threads }, reads)
      await store.scan('verify', undefined)
      store.#logFolder()
      return store
    } catch (error) {
      if (store !== undefined) await store.#endOwnWork()
      reads?.close()
      await threads.close()
      lock.release()
      throw asUnreadable(error)
    }
  }

  /** Why writes are refused, as a sentence; undefined while they are accepted. */
  get readOnly(): string | undefined {
    return this.writes.refusal
  }

  /** @throws AlikeError `storage_full` */
  expectWritable(): void {
    if (this.readOnly !== undefined) throw new AlikeError('storage_full', { detail: this.readOnly })
  }

  /** A short read of a table. @throws AlikeError `data_unreadable` on damage */
  read<Result>(read: (tables: StoreTables) => Result): Result {
    return withDatabase(() => read(this.#reads))
  }

  /** Several reads from one snapshot: all or none of them see a concurrent write. */
  readAtOnce<Result>(read: (tables: StoreTables) => Result): Result {
    return withDatabase(() => this.#reads.atOnce(() => read(this.#reads)))
  }

  /** @throws AlikeError `gallery_not_found`. */
  gallery(name: string): GalleryRow {
    const found = this.read(({ galleries }) => galleries.find(name))
    if (found === undefined) throw new AlikeError('gallery_not_found')
    return found.gallery
  }

  async scan<Name extends keyof ReaderCalls>(
    name: Name,
    request: ReaderCalls[Name]['request'],
  ): Promise<ReaderCalls[Name]['reply']> {
    return this.#readerOpen ? this.#parts.threads.reader.call(name, request) : this.#reads.scans[name](request)
  }

  /** The writer closes last: the last connection to close empties the write-ahead log. */
  async close(): Promise<void> {
    await this.#endOwnWork()
    const { threads, lock, path } = this.#parts
    await threads.close(() => this.#reads.close())
    if (lock.holds()) keepPlaceOfLog(path)
    lock.release()
  }

  async #endOwnWork(): Promise<void> {
    clearInterval(this.#roomChecks)
    await this.#checking
    await this.writes.close()
  }

  async #useReserve(): Promise<void> {
    this.#parts.options.logger.error('the data folder is full: only deletions are accepted')
    await this.#checking // it may have looked before
    if (!this.writes.isOpen) await this.#checkRoom()
  }

  #checkRoom(): Promise<void> {
    this.#checking ??= this.#takeRoom().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #takeRoom(): Promise<void> {
    const was = this.readOnly
    if (!this.writes.isOpen) await this.#becomeWritable()
    if (!this.writes.isOpen) return
    await this.writes.takeReserve()
    if (was !== undefined) this.#logIfWritable()
  }

  /** Switches connections synchronously between two reads, so that no caller finds the store without one. */
  async #becomeWritable(): Promise<void> {
    const { options, threads, path } = this.#parts
    try {
      if (!(await hasRoom(options.dataDir, roomNeededBytes))) return
      if (this.#reads.alone) {
        this.#reads.close()
        this.#reads = openBesideOthers(path, options)
      }
      if (this.#reads.alone) return
      if (!this.#readerOpen) {
        await threads.openReader()
        await threads.reader.call('verify', undefined)
      }
      this.#readerOpen = true
      if (await threads.openWriter()) this.writes.open()
    } catch (error) {
      // The room is gone again: retry later. Damage is reported to whoever reads it.
      if (!(error instanceof AlikeError)) throw error
    }
  }

  #logIfWritable(): void {
    if (this.readOnly === undefined) this.#parts.options.logger.info('there is space again: accepting writes')
  }

  #logFolder(): void {
    const { dataDir, logger } = this.#parts.options
    if (this.readOnly !== undefined)
      logger.error({ detail: this.readOnly }, 'the data folder is full: it is opened read-only')
    const fileSystem = networkFileSystem(dataDir)
    if (fileSystem !== undefined)
      logger.warn(
        { fileSystem },
        `the data folder is on ${fileSystem}: the database is not safe there if another machine writes to it; use a local disk`,
      )
  }

  /** Writes to a deleted or replaced file would be lost with this process. */
  #expectOwnFile(): void {
    if (this.#taken === undefined && !this.#parts.lock.holds()) {
      this.#taken = damaged('alike.db was deleted or replaced while this process uses it.')
      this.#parts.options.onFailure(this.#taken)
    }
    if (this.#taken !== undefined) throw this.#taken
  }
}

const removalFailure = 'rows of deleted galleries and embedding sets cannot be removed; retrying every few seconds'

/** Checks for a lost database first, because locking creates the file if it is missing. */
async function lockData(dataDir: string): Promise<FolderLock> {
  try {
    expectDatabaseOrNothing(dataDir)
    await expectWritableParts(dataDir)
    return await lockFolder(dataDir)
  } catch (error) {
    throw asUnreadable(error)
  }
}

/** Any failure to open means that the data is unusable; the cause says why. */
function asUnreadable(error: unknown): AlikeError {
  if (error instanceof AlikeError && error.code !== 'internal') return error
  return new AlikeError('data_unreadable', { detail: 'The database cannot be opened.', cause: error })
}
