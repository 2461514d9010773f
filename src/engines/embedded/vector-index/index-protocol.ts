/** Calls to the index thread. */
import type { PackedList } from './packed-neighbours.js'
import type {
  IndexReading,
  IndexSettings,
  NeighboursRequest,
  SearchRequest,
  SearchResult,
  SlotNeighbours,
  SlotVectors,
} from './vector-index.js'

/** Start-up data of the thread. */
export interface IndexThreadData {
  settings: IndexSettings
  /** 0 to settings.parts − 1: the thread picks its own slots from those it receives. */
  part: number
}

export interface OpenedIndex {
  /** What became of the graph cache; the reason is logged. */
  graphCache: { state: 'used' | 'absent' } | { state: 'rejected'; reason: string }
}

/** `index` is the number that the caller assigned when opening the index. */
export type IndexCalls = {
  open: {
    request: {
      index: number
      dimension: number
      /** The truth's `nextSlot` when its vectors were read. */
      nextSlot: number
      graphCache: { folder: string; galleryUid: string; modelId: string }
    }
    reply: OpenedIndex
  }
  /** After `open` and an `add` of every live vector: from here on the graph is kept up to date. */
  start: { request: { index: number }; reply: { reading: IndexReading; graphCacheFits: boolean } }
  add: { request: { index: number; slots: Uint32Array; vectors: Float32Array }; reply: IndexReading }
  remove: { request: { index: number; slots: Uint32Array }; reply: IndexReading }
  search: {
    request: SearchRequest & { index: number }
    reply: Omit<SearchResult, 'neighbours'> & { neighbours: PackedList; reading: IndexReading }
  }
  neighbours: { request: NeighboursRequest & { index: number }; reply: SlotNeighbours & { reading: IndexReading } }
  /** [rows, columns] */
  compare: { request: { index: number; rows: Uint32Array; columns: Uint32Array }; reply: Float32Array }
  /** Of those that are live, in the order requested. */
  vectors: { request: { index: number; slots: Uint32Array }; reply: SlotVectors }
  /** [n, columns] for [n, dimension] */
  compareVectors: { request: { index: number; vectors: Float32Array; columns: Uint32Array }; reply: Float32Array }
  read: { request: { index: number }; reply: IndexReading }
  /** False if there is no graph. */
  save: { request: { index: number }; reply: boolean }
  close: { request: { index: number; erase: boolean }; reply: void }
}
