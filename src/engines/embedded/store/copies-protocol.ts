/** Every call that the copies thread answers: what compares descriptors, for searches. */
import type { Undescribed } from './descriptor-table.js'

/** Given to the thread when it is started. */
export interface CopiesThreadData {
  path: string
}

/** `gallery` is the number of a gallery, `query` the descriptors of a query's pictures. */
export type CopiesCalls = {
  open: { request: undefined; reply: void }
  /** Near-copy score of each slot to that picture of the query it is most like; NaN where there is no telling. */
  scores: { request: { gallery: number; query: readonly Uint8Array[]; slots: Uint32Array }; reply: Float32Array }
  /**
   * Near-copy scores of hits to better ones, [rows, columns]: 0 below `least`. The last columns are the rows
   * themselves; of those only the ones before a row count for it.
   */
  likeness: { request: { gallery: number; rows: number; columns: Uint32Array; least: number }; reply: Float32Array }
  /** Slots, ascending, of all pictures that score `least` or more to a picture of the query. */
  find: { request: { gallery: number; query: readonly Uint8Array[]; least: number }; reply: Uint32Array }
  /** Pictures with a thumbnail and without a descriptor, in the order of slots. */
  undescribed: { request: { gallery: number; fromSlot: number; limit: number }; reply: Undescribed[] }
}
