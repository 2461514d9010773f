/**
 * The durable truth as the main thread sees it: short reads on a connection of its own, long reads
 * in the reader thread, every write through the writer thread.
 */
import { join } from 'node:path'
import { AlikeError } from '../errors.js'
import type { SlotVectors } from '../vector-index/vector-index.js'
import { CalledThread } from '../worker-calls.js'
import { lockFolder, openForReading, withDatabase, type Database } from './database.js'
import { GalleryTable, type GalleryRow } from './gallery-table.js'
import { ImageTable } from './image-table.js'
import { JobTable } from './job-table.js'
import { expectDatabaseOrNothing } from './lost-database.js'
import type { ReaderCalls, ReaderThreadData } from './reader-protocol.js'
import type { WriterCalls, WriterThreadData } from './writer-protocol.js'

export interface GalleryStoreOptions {
  /** Made when it does not exist; locked against a second process. */
  dataDir: string
  /** Bytes the database file may grow to; 0 for no limit. */
  maxBytes: number
  /** Called once when a thread ends by itself. */
  onFailure(error: AlikeError): void
}

/** Vectors of a page when all are read: few megabytes. */
const vectorPageBytes = 4 * 2 ** 20

export class GalleryStore {
  readonly galleries: GalleryTable
  readonly images: ImageTable
  readonly jobs: JobTable
  /** Of the database, for threads that read on their own. */
  readonly path: string
  readonly #connection: Database
  readonly #writer: CalledThread<WriterCalls>
  readonly #reader: CalledThread<ReaderCalls>
  readonly #unlock: () => void

  private constructor(parts: {
    path: string
    connection: Database
    writer: CalledThread<WriterCalls>
    reader: CalledThread<ReaderCalls>
    unlock: () => void
  }) {
    this.path = parts.path
    this.#connection = parts.connection
    this.#writer = parts.writer
    this.#reader = parts.reader
    this.#unlock = parts.unlock
    this.galleries = new GalleryTable(parts.connection)
    this.images = new ImageTable(parts.connection)
    this.jobs = new JobTable(parts.connection)
  }

  /** @throws AlikeError `data_unreadable` when the folder is in use, damaged or of a newer version. */
  static async open({ dataDir, maxBytes, onFailure }: GalleryStoreOptions): Promise<GalleryStore> {
    const unlock = lockFolder(dataDir)
    try {
      expectDatabaseOrNothing(dataDir)
    } catch (error) {
      unlock()
      throw asUnreadable(error)
    }
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
    let connection: Database | undefined
    try {
      await writer.call('open', undefined)
      await reader.call('open', undefined)
      await reader.call('verify', undefined)
      connection = withDatabase(() => openForReading(path))
      return withDatabase(() => new GalleryStore({ path, connection: connection!, writer, reader, unlock }))
    } catch (error) {
      connection?.close()
      await reader.close()
      await writer.close()
      unlock()
      throw asUnreadable(error)
    }
  }

  /** A short read with one of the tables. @throws AlikeError `data_unreadable` when what it meets is damaged. */
  read<Result>(read: (store: GalleryStore) => Result): Result {
    return withDatabase(() => read(this))
  }

  /** @throws AlikeError `gallery_not_found`. */
  gallery(name: string): GalleryRow {
    const row = this.read(() => this.galleries.find(name))
    if (row === undefined) throw new AlikeError('gallery_not_found')
    return row
  }

  /** Resolves after the commit. Callers bound how many are under way. @throws AlikeError `storage_full`. */
  write<Name extends keyof WriterCalls>(name: Name, request: WriterCalls[Name]['request']): Promise<WriterCalls[Name]['reply']> {
    return this.#writer.call(name, request)
  }

  scan<Name extends keyof ReaderCalls>(name: Name, request: ReaderCalls[Name]['request']): Promise<ReaderCalls[Name]['reply']> {
    return this.#reader.call(name, request)
  }

  /** Every live vector of a gallery in the order of slots; the next page is read while one is used. */
  async *vectors({ number: gallery, dimension }: Pick<GalleryRow, 'number' | 'dimension'>, fromSlot = 0): AsyncGenerator<SlotVectors> {
    const limit = Math.ceil(vectorPageBytes / (dimension * 4))
    let reading: Promise<ReaderCalls['vectors']['reply']> | undefined = this.scan('vectors', { gallery, dimension, fromSlot, limit })
    while (reading !== undefined) {
      const { slots, vectors, nextSlot }: ReaderCalls['vectors']['reply'] = await reading
      reading = nextSlot === undefined ? undefined : this.scan('vectors', { gallery, dimension, fromSlot: nextSlot, limit })
      reading?.catch(() => {}) // awaited in the next round, unless the consumer stops before
      if (slots.length > 0) yield { slots, vectors }
    }
  }

  /** The writer goes last: the last connection to close empties the write-ahead log. */
  async close(): Promise<void> {
    await this.#reader.close()
    this.#connection.close()
    await this.#writer.close()
    this.#unlock()
  }
}

/** Whatever goes wrong while opening: the data can not be used, and the cause says why. */
function asUnreadable(error: unknown): AlikeError {
  if (error instanceof AlikeError && error.code !== 'internal') return error
  return new AlikeError('data_unreadable', { detail: 'The database can not be opened.', cause: error })
}
