/**
 * What the rest of Alike knows of vector search: add vectors by slot, remove slots, find the
 * nearest, compare stored ones with each other. Nothing here knows of ids, labels or SQL.
 */

/** Unit vectors with the slots they belong to, packed so that they move between threads as two buffers. */
export interface SlotVectors {
  /** [n] */
  slots: Uint32Array
  /** [n, dimension] */
  vectors: Float32Array
}

export interface Neighbour {
  slot: number
  /** Cosine similarity (`cosine.ts`), computed from the stored float32 values whatever way the neighbour was found. */
  score: number
}

export interface SearchRequest {
  /** [dimension], unit length. */
  vector: Float32Array
  k: number
  /**
   * The graph is asked as if for so many, and gives no more: what it finds hangs on that, so answers of one depth are
   * beginnings of one list. A scan gives `k` whatever the depth. Default: `k`.
   */
  depth?: number | undefined
  /** Candidates that the graph keeps while it searches; more find more and cost more. Default: the index's `ef`. */
  ef?: number
  /** Compare with every vector. */
  exact?: boolean
  /** Only these slots, ascending; all live ones when left out. */
  allow?: Uint32Array
}

export interface SearchResult {
  /** Score descending, then slot ascending; min(k, live and allowed slots) of them, and of the graph at most `depth`. */
  neighbours: Neighbour[]
  /** `exact`: every allowed vector was compared. */
  method: 'exact' | 'hnsw'
  /** The candidates that the graph (of several parts, the busiest) really kept, when it was asked. */
  ef?: number
  /** From the call to its answer, waiting included. */
  durationMs: number
}

/** The nearest others of pictures that are in the index, for whoever looks at a whole gallery. */
export interface NeighboursRequest {
  slots: Uint32Array
  /** Others for each slot. */
  k: number
  ef?: number
}

export interface SlotNeighbours {
  /** So many of the slots were answered, from the first: what a slice of time has room for. The rest is asked for again. */
  answered: number
  /** [answered] found; 0 for a slot that is not live. */
  counts: Uint32Array
  /** [answered, k], each row score descending, then slot ascending; only its first `count` entries are meant. */
  slots: Uint32Array
  /** [answered, k] */
  scores: Float32Array
  /** How many of the answers came from the graph. */
  byGraph: number
}

/** A reading of an index, as of its last answer. */
export interface IndexReading {
  /** Live vectors: what a search can find. */
  size: number
  /** Removed slots that still lie in the graph. */
  tombstones: number
  /** Live vectors not yet in the graph; searches scan them, so they are found all the same. */
  pending: number
  /** A graph is being built beside the serving one, or for the first time. */
  building: boolean
  /** Graphs finished since the index was opened, each part's for itself. */
  rebuilds: number
}

/** One gallery's index. Every call rejects with an AlikeError when the thread behind it is gone. */
export interface VectorIndex extends IndexReading {
  /** Found by every search called after it resolves. A slot already known, or already removed, is left as it is. */
  add(items: SlotVectors): Promise<void>
  /** Not found by any search called after it resolves. Unknown slots stay unknown for good. */
  remove(slots: Uint32Array): Promise<void>
  /** @throws AlikeError `overloaded` when too many searches wait, `dimension_mismatch`. */
  search(request: SearchRequest): Promise<SearchResult>
  /** Of a slice of the slots, so that no search waits long behind it. */
  neighbours(request: NeighboursRequest): Promise<SlotNeighbours>
  /**
   * [rows, columns] scores of stored vectors with each other; one that is gone is like nothing: −1. Callers keep
   * rows × columns small, so that searches get in between.
   * @throws AlikeError `overloaded`
   */
  compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array>
  /** Brings the reading up to date; linking goes on between answers. */
  refresh(): Promise<void>
  /** Writes the graph as it is now; false when there is no graph to write (small galleries have none). */
  saveGraphCache(): Promise<boolean>
  /** Forgets the index. @param erase also its graph cache on disk, for a deleted gallery. */
  close(options?: { erase?: boolean }): Promise<void>
}

export interface IndexSettings {
  /** Parts of an index, each with a thread and a graph of its own. */
  parts: number
  /** Links of a node of the graph; memory and recall grow with it. */
  m: number
  /** Candidates kept while a node is linked; build time and recall grow with it. */
  efConstruction: number
  /** Candidates kept while searching, when the request names none. */
  ef: number
  /** Up to so many live (or allowed) vectors are compared one by one: exact, and faster than the graph. */
  exactBelow: number
  /** A graph with a larger share of removed slots is rebuilt. */
  tombstoneShare: number
  /** … but never for fewer removed slots than this. */
  tombstoneMinimum: number
  /**
   * While so many vectors wait to be linked, each gets a coarse code, so that a start without a graph cache or a large upload
   * does not make every search compare them all in full; the codes are forgotten when half as many wait.
   */
  codedFrom: number
  /** Time the thread spends on linking before it looks for searches again, milliseconds. */
  sliceMs: number
  /** Searches waiting for the thread; one more is refused. */
  searchQueueMax: number
}

export const indexDefaults: Readonly<IndexSettings> = Object.freeze({
  parts: 1,
  m: 16,
  efConstruction: 200,
  ef: 64,
  exactBelow: 2_000,
  tombstoneShare: 0.2,
  tombstoneMinimum: 500,
  codedFrom: 10_000,
  sliceMs: 2,
  searchQueueMax: 1_024,
})
