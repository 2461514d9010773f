/**
 * A gallery looked at as a whole, by a thread of its own: an engine says where to read, as a module and what to tell it, so
 * that vectors do not go by way of the main thread. Pictures have numbers in a scan, by which their neighbours are asked for.
 */

/** Where a thread reads; can be sent to it. */
export interface ScanSource {
  /** URL of a module that exports `openScan`, a `ScanOpener`. */
  module: string
  /** Cloned into the thread. */
  place: unknown
}

export type ScanOpener = (place: unknown) => ScanReader | Promise<ScanReader>

/** Pages can be read again, and show the same pictures: what is written meanwhile is not seen. */
export interface ScanReader {
  readonly dimension: number
  pages(parts: ScanParts): Iterable<ScanPage> | AsyncIterable<ScanPage>
  close(): void | Promise<void>
}

/** What is read beside ids. */
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
  /** One for each picture for as long as it is stored as it is. */
  numbers: Uint32Array
  /** [n, dimension], unit length; empty when they were not asked for. */
  vectors: Float32Array
  /** [n, descriptorWords], zeros without features; empty when they were not asked for. */
  descriptors: Uint32Array
  /** [n] 1 for pictures with a descriptor that tells something; empty as well. */
  hasFeatures: Uint8Array
}

/** The main thread's end. */
export interface OpenScan {
  readonly source: ScanSource
  /** The nearest others of stored pictures, of as many as have room in a slice of the engine's time. @throws AlikeError `overloaded` */
  neighbours(request: NeighboursRequest): Promise<Neighbours>
}

export interface NeighboursRequest {
  /** Of the pictures, as the pages tell them. */
  numbers: Uint32Array
  /** Others for each of them. */
  k: number
  ef?: number | undefined
}

export interface Neighbours {
  /** So many of the pictures were answered, from the first. The rest is asked for again. */
  answered: number
  /** [answered] found; 0 for a picture that is gone. */
  counts: Uint32Array
  /** [answered, k], each row score descending; only its first `count` entries are meant. */
  numbers: Uint32Array
  /** [answered, k] */
  scores: Float32Array
  /** How many of the answers came from a graph. */
  byGraph: number
}
