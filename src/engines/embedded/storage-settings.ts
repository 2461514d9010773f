/** The numbers of storage, with their defaults. */
import type { GraphCacheSettings } from './gallery-indexes.js'

export interface StorageSettings extends GraphCacheSettings {
  /** Writes (of any kind) under way at once; one more is refused as `overloaded`. */
  writeQueueMax: number
  /** Live pictures a gallery may hold; more are refused as `gallery_full`. */
  galleryImagesMax: number
  /** Decisions about findings a gallery may hold; more are refused as `decisions_full`. */
  decisionsMax: number
  /** Judgements of hits a gallery may hold; more are refused as `feedback_full`. */
  feedbackMax: number
  /** Characters of the records on one page of a list; a byte of JSON each at least, three at most. One record is listed whatever its length. */
  pageMaxLength: number
  /** Bytes the database file may grow to, 0 for no limit; writes beyond it are refused as `storage_full`. */
  databaseMaxBytes: number
}

export const storageDefaults: Readonly<StorageSettings> = Object.freeze({
  writeQueueMax: 1_024,
  pageMaxLength: 4 * 2 ** 20,
  galleryImagesMax: 10_000_000,
  feedbackMax: 1_000_000,
  decisionsMax: 100_000,
  databaseMaxBytes: 0,
  graphCacheAfterWrites: 5_000,
  graphCacheAfterSeconds: 900,
})
