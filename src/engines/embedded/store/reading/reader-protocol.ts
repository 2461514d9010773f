/** Calls to the reader thread: reads that are too long for the main thread. */
import type { GalleryFields } from '../../../../gallery/fields.js'
import type { Filter } from '../../../../gallery/filter.js'
import type { LabelCount } from '../../../../gallery/records.js'

/** Start-up data of the thread. */
export interface ReaderThreadData {
  path: string
}

/** Slots from `from` to below `to`, or those listed. */
export type SlotsAmong = { from: number; to: number } | { listed: readonly number[] }

/** `gallery` is the gallery's number. */
export type ReaderCalls = {
  open: { request: undefined; reply: void }
  /** Checks tables against their indexes and each other. @throws `data_unreadable` */
  verify: { request: undefined; reply: void }
  /** A page of live vectors in slot order, without damaged ones; the last page has no `nextSlot`. */
  vectors: {
    request: { gallery: number; dimension: number; fromSlot: number; limit: number }
    reply: { slots: Uint32Array; vectors: Float32Array; nextSlot?: number; damaged: number[] }
  }
  /** Ascending. */
  slotsOfFilter: { request: { gallery: number; filter: Filter; among: SlotsAmong }; reply: Uint32Array }
  /**
   * Ids of matching pictures after `after`, ascending, at most `limit`; `upTo` is the last id examined, if more follow.
   */
  fittingIds: {
    request: { gallery: number; filter: Filter; after: string; examinedMax: number; limit: number }
    reply: { ids: string[]; upTo?: string | undefined }
  }
  /** @param step distance in slots between sampled pictures */
  fields: { request: { gallery: number; step: number }; reply: GalleryFields }
  labels: { request: { gallery: number; after: string | undefined; limit: number }; reply: LabelCount[] }
}
