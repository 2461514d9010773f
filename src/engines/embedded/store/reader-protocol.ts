/** Every call that the reader thread answers: reads that are too long for the main thread. */
import type { GalleryFields } from '../../../gallery/fields.js'
import type { Filter } from '../../../gallery/filter.js'
import type { LabelCount } from '../../../gallery/records.js'

/** Given to the thread when it is started. */
export interface ReaderThreadData {
  path: string
}

/** `gallery` is the number of a gallery. */
export type ReaderCalls = {
  open: { request: undefined; reply: void }
  /** Compares tables with their indexes and with each other. @throws `data_unreadable`. */
  verify: { request: undefined; reply: void }
  /** A page of live vectors in the order of their slots, without damaged ones; the last one has no `nextSlot`. */
  vectors: {
    request: { gallery: number; dimension: number; fromSlot: number; limit: number }
    reply: { slots: Uint32Array; vectors: Float32Array; nextSlot?: number; damaged: number[] }
  }
  /** Ascending, from `fromSlot` up to `toSlot` without it. */
  slotsOfFilter: { request: { gallery: number; filter: Filter; fromSlot: number; toSlot: number }; reply: Uint32Array }
  /** Ids after `after`, ascending, of pictures that fit, `limit` at most; `upTo`: the last one looked at, where there are more. */
  fittingIds: {
    request: { gallery: number; filter: Filter; after: string; lookedAt: number; limit: number }
    reply: { ids: string[]; upTo?: string | undefined }
  }
  /** @param step slots from one image that is examined to the next */
  fields: { request: { gallery: number; step: number }; reply: GalleryFields }
  labels: { request: { gallery: number; after: string | undefined; limit: number }; reply: LabelCount[] }
}
