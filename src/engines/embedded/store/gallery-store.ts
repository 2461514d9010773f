/**
 * The durable truth as seen by the main thread: short reads on its own connection, long reads in the reader thread,
 * every write through the writer thread.
 *
 * When the disk lacks the room SQLite needs beside the database to write, the store opens read-only and becomes
 * writable as soon as there is room. Longer than most files because the lifetimes of these connections and threads, and
 * the order in which they close, belong together.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AlikeError } from '../../../errors.js'
import { CalledThread } from '../../../worker-calls.js'
import type { SlotVectors } from '../vector-index/vector-index.js'
import type { CopiesCalls, CopiesThreadData } from './copies-protocol.js'
import { CopySearch } from './copy-search.js'
import { damaged, withDatabase } from './database.js'
import { type FolderLock, lockFolder } from './folder-lock.js'
import type { GalleryRow } from './gallery-table.js'
import type { ImageTableOptions } from './image-row.js'
import { expectDatabaseOrNothing } from './lost-database.js'
import type { ReaderCalls, ReaderThreadData } from './reader-protocol.js'
import { hasRoom } from './room.js'
import type { SetRow } from './set-table.js'
import { openReads, openReadsAlone, type StoreReads } from './store-reads.js'
import type { WriterCalls, WriterThreadData } from './writer-protocol.js'

export interface GalleryStoreOptions extends ImageTableOptions {
  /** Created if missing; locked against a second process. */
  dataDir: string
  /** Maximum size of the database file in bytes; 0 for no limit. */
  maxBytes: number
  /** Called once when a thread dies or the database file is deleted or replaced. */
  onFailure(error: AlikeError): void
  /** Called when a store that opened read-only has become writable. */
  onWritable?: (() => void) | undefined
}

/** How often a read-only store checks for free space, and how many bytes it must be able to write. */
const roomCheckMs = 5_000
const roomNeededBytes = 256 * 1024

/** Vectors per page when reading all: a few megabytes. */
const vectorPageBytes = 4 * 2 ** 20

interface StoreParts {
  options: GalleryStoreOptions
  path: string
  lock: FolderLock
  writer: CalledThread<WriterCalls>
  reader: CalledThread<ReaderCalls>
  copies: CalledThread<CopiesCalls>
}

export class GalleryStore {
  /** Path of the database, for threads with their own connections. */
  readonly path: string
  readonly copies = new CopySearch({
    call: async (name, request) =>
      this.#readerOpen ? this.#parts.copies.call(name, request) : this.#reads.copies[name](request),
  })
  readonly #parts: StoreParts
  #reads: StoreReads
  /** Whether the reader and copies threads are open: from the start if there is room. */
  #readerOpen: boolean
  #writerOpen: boolean
  /** Set once alike.db is no longer the file that was opened. */
  #taken: AlikeError | undefined
  #roomChecks: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined

  private constructor(parts: StoreParts, reads: StoreReads) {
    this.path = parts.path
    this.#parts = parts
    this.#reads = reads
    this.#readerOpen = this.#writerOpen = !reads.alone
    if (reads.alone)
      this.#roomChecks = setInterval(() => void (this.#checking ??= this.#becomeWritable()), roomCheckMs).unref()
  }

  /**
   * @throws AlikeError `data_unreadable` when the folder is in use, damaged or from a newer version; `storage_full`
   * when a new database or one from an older version cannot even be read without free space.
   */
  static async open(options: GalleryStoreOptions): Promise<GalleryStore> {
    const { dataDir, maxBytes, onFailure } = options
    const lock = lockData(dataDir)
    const path = join(dataDir, 'alike.db')
    const writer = new CalledThread<WriterCalls>({
      name: 'writer',
      file: new URL('./writer-worker.js', import.meta.url),
      data: { path, maxBytes } satisfies WriterThreadData,
      onFailure,
    })
    const reader = new CalledThread<ReaderCalls>({
      name: 'reader',
      file: new URL('./reader-worker.js', import.meta.url),
      data: { path } satisfies ReaderThreadData,
      onFailure,
    })
    const copies = new CalledThread<CopiesCalls>({
      name: 'copies',
      file: new URL('./copies-worker.js', import.meta.url),
      data: { path } satisfies CopiesThreadData,
      onFailure,
    })
    let reads: StoreReads | undefined
    try {
      const hasRoom = await openWriter(writer)
      if (hasRoom) await Promise.all([reader.call('open', undefined), copies.call('open', undefined)])
      reads = hasRoom ? openReads(path, options) : openReadsAlone(path, options)
      const store = new GalleryStore({ options, path, lock, writer, reader, copies }, reads)
      await store.scan('verify', undefined)
      return store
    } catch (error) {
      reads?.close()
      await copies.close()
      await reader.close()
      await writer.close()
      lock.release()
      throw asUnreadable(error)
    }
  }

  /** Why writes are refused, as a sentence; undefined while they are accepted. */
  get readOnly(): string | undefined {
    return this.#writerOpen ? undefined : readOnlyDetail
  }

  /** @throws AlikeError `storage_full` */
  expectWritable(): void {
    if (!this.#writerOpen) throw new AlikeError('storage_full', { detail: readOnlyDetail })
  }

  get galleries(): StoreReads['galleries'] {
    return this.#reads.galleries
  }

  get sets(): StoreReads['sets'] {
    return this.#reads.sets
  }

  get images(): StoreReads['images'] {
    return this.#reads.images
  }

  get contents(): StoreReads['contents'] {
    return this.#reads.contents
  }

  get originals(): StoreReads['originals'] {
    return this.#reads.originals
  }

  get descriptors(): StoreReads['descriptors'] {
    return this.#reads.descriptors
  }

  get layouts(): StoreReads['layouts'] {
    return this.#reads.layouts
  }

  get decisions(): StoreReads['decisions'] {
    return this.#reads.decisions
  }

  get feedback(): StoreReads['feedback'] {
    return this.#reads.feedback
  }

  get jobs(): StoreReads['jobs'] {
    return this.#reads.jobs
  }

  /** A short read of a table. @throws AlikeError `data_unreadable` on damage */
  read<Result>(read: (store: GalleryStore) => Result): Result {
    return withDatabase(() => read(this))
  }

  /** Several reads from one snapshot: all or none of them see a concurrent write. */
  readAtOnce<Result>(read: (store: GalleryStore) => Result): Result {
    return withDatabase(() => this.#reads.atOnce(() => read(this)))
  }

  /** @throws AlikeError `gallery_not_found`. */
  gallery(name: string): GalleryRow {
    const found = this.read(() => this.galleries.find(name))
    if (found === undefined) throw new AlikeError('gallery_not_found')
    return found.gallery
  }

  /**
   * Resolves after the commit. Callers bound the number in flight.
   * @throws AlikeError `storage_full`; `data_unreadable` when the database was deleted or replaced under the process.
   */
  async write<Name extends keyof WriterCalls>(
    name: Name,
    request: WriterCalls[Name]['request'],
  ): Promise<WriterCalls[Name]['reply']> {
    this.expectWritable()
    this.#expectOwnFile()
    return this.#parts.writer.call(name, request)
  }

  async scan<Name extends keyof ReaderCalls>(
    name: Name,
    request: ReaderCalls[Name]['request'],
  ): Promise<ReaderCalls[Name]['reply']> {
    return this.#readerOpen ? this.#parts.reader.call(name, request) : this.#reads.scans[name](request)
  }

  /**
   * Every live vector of a set in slot order; the next page is prefetched.
   * @param onDamaged receives slots with damaged embeddings, which are omitted
   */
  async *vectors(
    { number: gallery, dimension }: Pick<SetRow, 'number' | 'dimension'>,
    onDamaged: (slots: number[]) => void = () => {},
  ): AsyncGenerator<SlotVectors> {
    const limit = Math.ceil(vectorPageBytes / (dimension * 4))
    let reading: Promise<ReaderCalls['vectors']['reply']> | undefined = this.scan('vectors', {
      gallery,
      dimension,
      fromSlot: 0,
      limit,
    })
    while (reading !== undefined) {
      const { slots, vectors, nextSlot, damaged }: ReaderCalls['vectors']['reply'] = await reading
      reading =
        nextSlot === undefined ? undefined : this.scan('vectors', { gallery, dimension, fromSlot: nextSlot, limit })
      reading?.catch(() => {}) // awaited in the next iteration, unless the consumer stops first
      if (damaged.length > 0) onDamaged(damaged)
      if (slots.length > 0) yield { slots, vectors }
    }
  }

  /** The writer closes last: the last connection to close empties the write-ahead log. */
  async close(): Promise<void> {
    clearInterval(this.#roomChecks)
    await this.#checking
    const { reader, copies, writer, lock, path } = this.#parts
    await copies.close()
    await reader.close()
    this.#reads.close()
    await writer.close()
    if (lock.holds()) keepPlaceOfLog(path)
    lock.release()
  }

  /** Switches connections synchronously between two reads, so that no caller finds the store without one. */
  async #becomeWritable(): Promise<void> {
    const { options, writer, reader, copies, path } = this.#parts
    try {
      if (!(await hasRoom(options.dataDir, roomNeededBytes))) return
      if (this.#reads.alone) {
        this.#reads.close()
        this.#reads = openBesideOthers(path, options)
      }
      if (this.#reads.alone) return
      if (!this.#readerOpen) {
        await Promise.all([reader.call('open', undefined), copies.call('open', undefined)])
        await reader.call('verify', undefined)
      }
      this.#readerOpen = true
      await writer.call('open', undefined)
      this.#writerOpen = true
      clearInterval(this.#roomChecks)
      options.onWritable?.()
    } catch (error) {
      // The room is gone again: retry later. Damage is reported to whoever reads it.
      if (!(error instanceof AlikeError)) throw error
    } finally {
      this.#checking = undefined
    }
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

const readOnlyDetail = 'It was opened without room for writes; they are taken again as soon as there is some.'

/** Checks for a lost database first, because locking creates the file if it is missing. */
function lockData(dataDir: string): FolderLock {
  try {
    expectDatabaseOrNothing(dataDir)
    return lockFolder(dataDir)
  } catch (error) {
    throw asUnreadable(error)
  }
}

/** @returns false if there is not enough room; retry later */
async function openWriter(writer: CalledThread<WriterCalls>): Promise<boolean> {
  try {
    await writer.call('open', undefined)
    return true
  } catch (error) {
    if (error instanceof AlikeError && error.code === 'storage_full') return false
    throw error
  }
}

/**
 * Falls back to an exclusive connection if the room runs out at this moment: preparing its statements is the first
 * read, which creates the log's index.
 */
function openBesideOthers(path: string, options: GalleryStoreOptions): StoreReads {
  try {
    return openReads(path, options)
  } catch {
    return openReadsAlone(path, options)
  }
}

/**
 * Creates an empty log to reserve its directory entry: a disk can also run out of inodes, and without a log nothing can
 * be read.
 */
function keepPlaceOfLog(path: string): void {
  try {
    writeFileSync(`${path}-wal`, '', { flag: 'wx' })
  } catch {
    // the log still has content, or there is no room for it either
  }
}

/** Any failure to open means that the data is unusable; the cause says why. */
function asUnreadable(error: unknown): AlikeError {
  if (error instanceof AlikeError && error.code !== 'internal') return error
  return new AlikeError('data_unreadable', { detail: 'The database cannot be opened.', cause: error })
}
