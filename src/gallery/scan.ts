/**
 * Reads a whole gallery in a separate thread: an engine says how, as a module and its parameters, so that vectors do
 * not pass through the main thread. Pictures have numbers within a scan, by which their neighbours are requested.
 */

/** Where a thread reads from; can be sent to it. */
export interface ScanSource {
  /** URL of a module that exports `openScan`, a `ScanOpener`. */
  module: string
  /** Cloned into the thread. */
  place: unknown
}

export type ScanOpener = (place: unknown) => ScanReader | Promise<ScanReader>

/** Pages can be read again and show the same pictures: later writes are not visible. */
export interface ScanReader {
  readonly dimension: number
  pages(parts: ScanParts): Iterable<ScanPage> | AsyncIterable<ScanPage>
  close(): void | Promise<void>
}

/** What to read besides ids. */
export interface ScanParts {
  vectors: boolean
  /** Descriptors of copies. */
  descriptors: boolean
}

/** Parallel lists. */
export interface ScanPage {
  ids: string[]
  labels: (string | null)[]
  contentHashes: string[]
  /** One per picture, for as long as it is stored unchanged. */
  numbers: Uint32Array
  /** [n, dimension], unit length; empty if not requested. */
  vectors: Float32Array
  /** [n, descriptorWords], zeros without features; empty if not requested. */
  descriptors: Uint32Array
  /** [n] 1 for pictures whose descriptor has features; also empty if not requested. */
  hasFeatures: Uint8Array
}

/** The main thread's part. */
export interface OpenScan {
  readonly source: ScanSource
  /**
   * The nearest other pictures of stored pictures, for as many as fit into a slice of the engine's time.
   * @throws AlikeError `overloaded`
   */
  neighbours(request: NeighboursRequest): Promise<Neighbours>
}

export interface NeighboursRequest {
  /** Numbers of the pictures, as given in the pages. */
  numbers: Uint32Array
  /** Number of neighbours for each of them. */
  k: number
  ef?: number | undefined
  /** Search as thoroughly as for a query, which finds more hits at once than it returns; default: for `k` only. */
  asForQuery?: boolean | undefined
}

export interface Neighbours {
  /** This many of the pictures were answered, from the first. Request the rest again. */
  answered: number
  /** [answered] number found; 0 for a picture that is gone. */
  counts: Uint32Array
  /** [answered, k], each row score descending; only its first `count` entries are valid. */
  numbers: Uint32Array
  /** [answered, k] */
  scores: Float32Array
  /** How many of the answers came from a graph. */
  byGraph: number
}
