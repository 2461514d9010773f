/**
 * The interface of vector search: add vectors by slot, remove slots, find the nearest, compare stored ones with each
 * other. It knows no ids, labels or SQL.
 */

/** Unit vectors with their slots, packed so that they move between threads as two buffers. */
export interface SlotVectors {
  /** [n] */
  slots: Uint32Array
  /** [n, dimension] */
  vectors: Float32Array
}

export interface Neighbour {
  slot: number
  /**
   * Cosine similarity (`cosine.ts`), always computed from the stored float32 values, however the neighbour was found.
   */
  score: number
}

export interface SearchRequest {
  /** [dimension], unit length. */
  vector: Float32Array
  k: number
  /**
   * The graph is searched as if this many were requested and returns no more: its results depend on it, so answers of
   * one depth are prefixes of one list. A scan returns `k` whatever the depth. Default: `k`.
   */
  depth?: number | undefined
  /**
   * Candidates that the graph keeps during the search; more improve recall and cost more. Default: the index's `ef`.
   */
  ef?: number | undefined
  /** Compare with every vector. */
  exact?: boolean | undefined
  /** Only these slots, ascending; default: all live slots. */
  allow?: Uint32Array | undefined
}

export interface SearchResult {
  /**
   * Score descending, then slot ascending; min(k, live and allowed slots) of them, and from the graph at most `depth`.
   */
  neighbours: Neighbour[]
  /** `exact`: every allowed vector was compared. */
  method: 'exact' | 'hnsw'
  /**
   * The candidates that the graph actually kept (with several parts, the maximum); absent if it was not used, or empty.
   */
  ef?: number | undefined
}

export interface TimedSearchResult extends SearchResult {
  /** From the call to its answer, including waiting. */
  durationMs: number
}

/** The nearest other pictures of indexed pictures, for analyses of a whole gallery. */
export interface NeighboursRequest {
  slots: Uint32Array
  /** Neighbours per slot. */
  k: number
  /** As in a search. Default: `k`, and the picture itself. */
  depth?: number | undefined
  ef?: number | undefined
}

/** The search for the neighbours of a slot: for one more, because a picture is its own nearest neighbour. */
export function searchOf({ k, depth = 0, ef }: NeighboursRequest): Pick<SearchRequest, 'k' | 'depth' | 'ef'> {
  return { k: k + 1, depth: Math.max(depth, k + 1), ef }
}

export interface SlotNeighbours {
  /** How many of the slots, from the first, were answered within the time slice. Request the rest again. */
  answered: number
  /** [answered] number of neighbours found; 0 for a slot that is not live. */
  counts: Uint32Array
  /** [answered, k], each row score descending, then slot ascending; only its first `count` entries are valid. */
  slots: Uint32Array
  /** [answered, k] */
  scores: Float32Array
  /** How many of the answers came from the graph. */
  byGraph: number
}

/** The state of an index as of its last answer. */
export interface IndexReading {
  /** Live vectors: those a search can find. */
  size: number
  /** Removed slots still in the graph. */
  tombstones: number
  /** Live vectors not yet in the graph; searches find them by scanning. */
  pending: number
  /** A graph is being built beside the serving one, or for the first time. */
  building: boolean
  /** Graphs finished since the index was opened, counted per part. */
  rebuilds: number
}

/** One gallery's index. Every call rejects with an AlikeError if the thread behind it has died. */
export interface VectorIndex {
  readonly reading: IndexReading
  /** Once it resolves, every later search finds them. Slots already known or already removed are left unchanged. */
  add(items: SlotVectors): Promise<void>
  /** Once it resolves, no later search finds them. Unknown slots can never be added afterwards. */
  remove(slots: Uint32Array): Promise<void>
  /** @throws AlikeError `overloaded` if too many searches are waiting, `dimension_mismatch` */
  search(request: SearchRequest): Promise<TimedSearchResult>
  /** Answers part of the slots per call, so that no search waits long behind it. */
  neighbours(request: NeighboursRequest): Promise<SlotNeighbours>
  /**
   * [rows, columns] scores of stored vectors with each other; −1 if either is removed. Callers keep rows × columns
   * small, so that searches get a turn in between.
   * @throws AlikeError `overloaded`
   */
  compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array>
  /** Refreshes the reading; linking continues between answers. */
  refresh(): Promise<void>
  /** Writes the current graph; false if there is none (small galleries have no graph). */
  saveGraphCache(): Promise<boolean>
  /** Closes the index. @param erase also deletes its graph cache on disk, for a deleted gallery */
  close(options?: { erase?: boolean }): Promise<void>
}

export interface IndexSettings {
  /** Parts of an index, each with its own thread and graph. */
  parts: number
  /** Links per node of the graph; memory and recall grow with it. */
  m: number
  /** Candidates kept while linking a node; build time and recall grow with it. */
  efConstruction: number
  /** Default candidates kept while searching. */
  ef: number
  /** Up to this many live (or allowed) vectors are compared one by one: exact, and faster than the graph. */
  exactBelow: number
  /** A graph with a larger share of removed slots is rebuilt. */
  tombstoneShare: number
  /** … but never for fewer removed slots than this. */
  tombstoneMinimum: number
  /**
   * While at least this many vectors wait to be linked, each gets a coarse code, so that after a start without a graph
   * cache or a large upload searches need not compare all of them in full. Codes are dropped when half as many wait.
   */
  codedFrom: number
  /** Time the thread spends on linking before it checks for searches again, milliseconds. */
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
