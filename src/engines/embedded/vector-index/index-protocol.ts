/** Every call that the index thread answers. */
import type {
  IndexReading,
  IndexSettings,
  Neighbour,
  NeighboursRequest,
  SlotNeighbours,
  SlotVectors,
} from './vector-index.js'

/** Given to the thread when it is started. */
export interface IndexThreadData {
  settings: IndexSettings
  /** 0 to settings.parts − 1: what it is given of slots it looks through for its own. */
  part: number
}

export interface OpenedIndex {
  /** What became of the graph cache; the reason is for the log. */
  graphCache: { state: 'used' | 'absent' } | { state: 'rejected'; reason: string }
}

/** `index` is the number that the caller gave the index when opening it. */
export type IndexCalls = {
  open: {
    request: {
      index: number
      dimension: number
      /** The truth's, when it was asked for its vectors. */
      nextSlot: number
      graphCache: { folder: string; galleryUid: string; modelId: string }
    }
    reply: OpenedIndex
  }
  /** After `open` and an `add` of every live vector: from here on the graph is kept up. */
  start: { request: { index: number }; reply: { reading: IndexReading; graphCacheFits: boolean } }
  add: { request: { index: number; slots: Uint32Array; vectors: Float32Array }; reply: IndexReading }
  remove: { request: { index: number; slots: Uint32Array }; reply: IndexReading }
  search: {
    request: {
      index: number
      vector: Float32Array
      k: number
      depth?: number | undefined
      ef?: number
      exact?: boolean
      allow?: Uint32Array
    }
    reply: { neighbours: Neighbour[]; method: 'exact' | 'hnsw'; ef?: number; reading: IndexReading }
  }
  neighbours: { request: NeighboursRequest & { index: number }; reply: SlotNeighbours & { reading: IndexReading } }
  /** [rows, columns] */
  compare: { request: { index: number; rows: Uint32Array; columns: Uint32Array }; reply: Float32Array }
  /** Of those that are live, in the order asked. */
  vectors: { request: { index: number; slots: Uint32Array }; reply: SlotVectors }
  /** [n, columns] for [n, dimension] */
  compareVectors: { request: { index: number; vectors: Float32Array; columns: Uint32Array }; reply: Float32Array }
  read: { request: { index: number }; reply: IndexReading }
  /** False when there is no graph. */
  save: { request: { index: number }; reply: boolean }
  close: { request: { index: number; erase: boolean }; reply: void }
}
