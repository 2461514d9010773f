/**
 * The durable truth as the main thread sees it: short reads on a connection of its own, long reads
 * in the reader thread, every write through the writer thread.
 *
 * Without room for what SQLite needs beside the database to write, it is opened all the same, to be
 * read only, and becomes writable as soon as there is room. Longer than most files, as the life of these connections and
 * threads, and who closes before whom, is one story.
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
  /** Made when it does not exist; locked against a second process. */
  dataDir: string
  /** Bytes the database file may grow to; 0 for no limit. */
  maxBytes: number
  /** Called once when a thread ends by itself, or the database was taken away. */
  onFailure(error: AlikeError): void
  /** Called when a store that was opened to be read only has become writable. */
  onWritable?: (() => void) | undefined
}

/** How often a store without room looks whether there is some, and how many bytes it has to be able to write. */
const roomCheckMs = 5_000
const roomNeededBytes = 256 * 1024

/** Vectors of a page when all are read: few megabytes. */
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
  /** Of the database, for threads that read on their own. */
  readonly path: string
  readonly copies = new CopySearch({
    call: async (name, request) =>
      this.#readerOpen ? this.#parts.copies.call(name, request) : this.#reads.copies[name](request),
  })
  readonly #parts: StoreParts
  #reads: StoreReads
  /** With the copies thread. Both from the start where there is room. */
  #readerOpen: boolean
  #writerOpen: boolean
  /** Once alike.db is not the file any more that was opened. */
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
   * @throws AlikeError `data_unreadable` when the folder is in use, damaged or of a newer version; `storage_full` when
   * it cannot even be read without room, being new or of an older version.
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

  /** Why nothing can be written, in a sentence; undefined when writes are taken. */
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

  /** A short read with one of the tables. @throws AlikeError `data_unreadable` when what it meets is damaged. */
  read<Result>(read: (store: GalleryStore) => Result): Result {
    return withDatabase(() => read(this))
  }

  /** Several of them, of one moment: a write that is committed meanwhile is seen by all or by none. */
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
   * Resolves after the commit. Callers bound how many are under way.
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
   * Every live vector of a set in the order of slots; the next page is read while one is used.
   * @param onDamaged told of slots whose embeddings are damaged and left out
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
      reading?.catch(() => {}) // awaited in the next round, unless the consumer stops before
      if (damaged.length > 0) onDamaged(damaged)
      if (slots.length > 0) yield { slots, vectors }
    }
  }

  /** The writer goes last: the last connection to close empties the write-ahead log. */
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

  /** The main thread goes from one connection to the other between two reads: no caller finds none. */
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
      // The room is gone again: it is tried anew. What is damaged is told to those who meet it.
      if (!(error instanceof AlikeError)) throw error
    } finally {
      this.#checking = undefined
    }
  }

  /** Deleted or replaced, it would take writes that are lost with this process. */
  #expectOwnFile(): void {
    if (this.#taken === undefined && !this.#parts.lock.holds()) {
      this.#taken = damaged('alike.db was deleted or replaced while this process uses it.')
      this.#parts.options.onFailure(this.#taken)
    }
    if (this.#taken !== undefined) throw this.#taken
  }
}

const readOnlyDetail = 'It was opened without room for writes; they are taken again as soon as there is some.'

/** The lock makes the file of a database where there is none, so that one that was lost is looked for before. */
function lockData(dataDir: string): FolderLock {
  try {
    expectDatabaseOrNothing(dataDir)
    return lockFolder(dataDir)
  } catch (error) {
    throw asUnreadable(error)
  }
}

/** @returns false for want of room; it can be tried again then */
async function openWriter(writer: CalledThread<WriterCalls>): Promise<boolean> {
  try {
    await writer.call('open', undefined)
    return true
  } catch (error) {
    if (error instanceof AlikeError && error.code === 'storage_full') return false
    throw error
  }
}

/** Or alone again, when the room is gone in this moment: preparing its statements is the first read, which makes the log's index. */
function openBesideOthers(path: string, options: GalleryStoreOptions): StoreReads {
  try {
    return openReads(path, options)
  } catch {
    return openReadsAlone(path, options)
  }
}

/** An empty log keeps its place in the folder: a disk can run out of files, too, and without a log nothing is read. */
function keepPlaceOfLog(path: string): void {
  try {
    writeFileSync(`${path}-wal`, '', { flag: 'wx' })
  } catch {
    // there is one that still holds something, or no room for this either
  }
}

/** Whatever goes wrong while opening: the data cannot be used, and the cause says why. */
function asUnreadable(error: unknown): AlikeError {
  if (error instanceof AlikeError && error.code !== 'internal') return error
  return new AlikeError('data_unreadable', { detail: 'The database cannot be opened.', cause: error })
}
