/** The threads with their own connections to the database, and the order in which they open and close. */
import { type AlikeError, hasCode } from '../../../errors.js'
import { loggedMigration, type MigrationLogger } from '../../../gallery/logged-migration.js'
import { CalledThread } from '../../../worker-calls/called-thread.js'
import type { CopiesCalls, CopiesThreadData } from './copies/copies-protocol.js'
import { schemaVersion } from './database/schema.js'
import type { ReaderCalls, ReaderThreadData } from './reading/reader-protocol.js'
import type { WriterCalls, WriterThreadData } from './writing/writer-protocol.js'

export interface StoreThreadsOptions extends WriterThreadData {
  /** Called once when a thread dies. */
  onFailure(error: AlikeError): void
  logger: MigrationLogger
}

export class StoreThreads {
  readonly writer: CalledThread<WriterCalls>
  readonly reader: CalledThread<ReaderCalls>
  readonly copies: CalledThread<CopiesCalls>
  readonly #logger: MigrationLogger

  constructor({ path, maxBytes, onFailure, logger }: StoreThreadsOptions) {
    this.#logger = logger
    this.writer = new CalledThread<WriterCalls>({
      name: 'writer',
      file: new URL('./writing/writer-worker.js', import.meta.url),
      data: { path, maxBytes } satisfies WriterThreadData,
      onFailure,
    })
    this.reader = new CalledThread<ReaderCalls>({
      name: 'reader',
      file: new URL('./reading/reader-worker.js', import.meta.url),
      data: { path } satisfies ReaderThreadData,
      onFailure,
    })
    this.copies = new CalledThread<CopiesCalls>({
      name: 'copies',
      file: new URL('./copies/copies-worker.js', import.meta.url),
      data: { path } satisfies CopiesThreadData,
      startsWhenCalled: true,
      onFailure,
    })
  }

  /** @returns false if there is not enough room; retry later */
  async openWriter(): Promise<boolean> {
    try {
      const from = await this.writer.call('open', undefined)
      const migration = { store: 'alike.db', from, to: schemaVersion }
      await loggedMigration(this.#logger, migration, () => this.writer.call('migrate', undefined))
      return true
    } catch (error) {
      if (hasCode(error, 'storage_full')) return false
      throw error
    }
  }

  /** Call it after the writer has created the tables. @throws AlikeError `storage_full`, `data_unreadable` */
  async openReader(): Promise<void> {
    await this.reader.call('open', undefined)
  }

  /**
   * The writer closes last: the last connection to close empties the write-ahead log.
   * @param closeReads closes the connection of the main thread
   */
  async close(closeReads: () => void = () => {}): Promise<void> {
    await this.copies.close()
    await this.reader.close()
    closeReads()
    await this.writer.close()
  }
}
