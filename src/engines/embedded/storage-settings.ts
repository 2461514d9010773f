/** Storage settings and their defaults. */
import type { GraphCacheSettings } from './gallery-indexes.js'

export interface StorageSettings extends GraphCacheSettings {
  /** Maximum concurrent writes of any kind; one more is refused with `overloaded`. */
  writeQueueMax: number
  /** Maximum live pictures per gallery; more are refused with `gallery_full`. */
  galleryImagesMax: number
  /** Maximum decisions about findings per gallery; more are refused with `decisions_full`. */
  decisionsMax: number
  /** Maximum judgements of hits per gallery; more are refused with `feedback_full`. */
  feedbackMax: number
  /**
   * Maximum characters of the records on one page of a list; a character is one to three bytes of JSON. A page holds at
   * least one record, whatever its length.
   */
  pageMaxLength: number
  /** Maximum size of the database file in bytes, 0 for no limit; writes beyond it are refused with `storage_full`. */
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
