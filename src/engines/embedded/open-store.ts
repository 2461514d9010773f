/** Opens the store of a data folder; the log says what its operator should know. */
import type { Logger } from 'pino'
import { networkFileSystem } from './store/file-systems.js'
import { GalleryStore, type GalleryStoreOptions } from './store/gallery-store.js'

export interface OpenStoreOptions
  extends Pick<GalleryStoreOptions, 'dataDir' | 'maxBytes' | 'damagedRecords' | 'onFailure'> {
  logger: Logger
}

/** @throws AlikeError as `GalleryStore.open` */
export async function openStore({ logger, ...options }: OpenStoreOptions): Promise<GalleryStore> {
  const store = await GalleryStore.open({
    ...options,
    logger,
    onFull: () => logger.error('the data folder is full: only deletions are accepted'),
    onWritable: () => logger.info('there is space again: accepting writes'),
    onRemovalFailure: (err) =>
      logger.error(
        { err },
        'rows of deleted galleries and embedding sets cannot be removed; retrying every few seconds',
      ),
  })
  if (store.readOnly !== undefined)
    logger.error({ detail: store.readOnly }, 'the data folder is full: it is opened read-only')
  const shared = networkFileSystem(options.dataDir)
  if (shared !== undefined)
    logger.warn(
      { fileSystem: shared },
      `the data folder is on ${shared}: the database is not safe there if another machine writes to it; use a local disk`,
    )
  return store
}
