/** Calls to the copies thread, which compares descriptors for searches. */
import type { CopiesWanted } from '../../../../gallery/engine.js'
import type { Undescribed } from '../images/descriptor-table.js'

/** Start-up data of the thread. */
export interface CopiesThreadData {
  path: string
}

/** `gallery` is the gallery's number, `query` the descriptors of the query's pictures. */
export type CopiesCalls = {
  /** For each slot, its highest near-copy score to any picture of the query; NaN where it cannot be computed. */
  scores: { request: { gallery: number; query: readonly Uint8Array[]; slots: Uint32Array }; reply: Float32Array }
  /**
   * Near-copy scores of hits to better ranked ones, [rows, columns]; 0 below `least`. The last columns are the rows
   * themselves; each row is compared only with the rows before it.
   */
  likeness: { request: { gallery: number; rows: number; columns: Uint32Array; least: number }; reply: Float32Array }
  /**
   * Slots, ascending, of all pictures that score at least `least` against a picture of the query, or have its bytes.
   * Ends with those found so far once it is stopped (`control`: see `RunControl`).
   */
  find: {
    request: { gallery: number; query: readonly Uint8Array[]; control: SharedArrayBuffer } & Omit<
      CopiesWanted,
      'descriptors'
    >
    reply: Uint32Array
  }
  /** Pictures with a thumbnail but no descriptor, ordered by slot. */
  undescribed: { request: { gallery: number; fromSlot: number; limit: number }; reply: Undescribed[] }
}
