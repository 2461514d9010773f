/** One search of a gallery: what is asked of it, and what it returns. */
import type { Group } from '../ranking/groups.js'
import type { Boost } from './boosted-hits.js'
import type { Filter } from './filter.js'
import type { HitRecord } from './hit-record.js'
import type { UnrankedHit } from './hits.js'

/** What is ranked, and how. */
export interface SearchTerms {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Number of best hits that expand the query, see `expandedQuery`. Default 0. */
  expand?: number | undefined
  /** Minimum score of a hit. */
  minScore?: number | undefined
  ef?: number | undefined
  exact?: boolean | undefined
  /** Only pictures that match. */
  filter?: Filter | undefined
  /** Pictures to exclude, e.g. the query itself. */
  excludeIds?: string[] | undefined
  /** Copy descriptors of the query's pictures; hits then have a near-copy score. */
  copyDescriptors?: Uint8Array[] | undefined
  /** Only near-copies of the query's pictures, with at least this near-copy score. */
  copiesFrom?: number | undefined
  /** Of the query's picture files: with `copiesFrom`, pictures with the same bytes are hits as well. */
  contentHashes?: string[] | undefined
  /** Hits with at least this near-copy score to a better hit are left out. */
  duplicateScore?: number | undefined
  /** Hits are selected by marginal relevance among the best `candidates`, then among as many of the following ones. */
  diversity?: { share: number; candidates: number } | undefined
  /** Scores are raised by these; not together with `diversity`, `duplicateScore` and `groupBy`. */
  boosts?: readonly Boost[] | undefined
  /** At most `size` hits for each value of `field`; not together with `diversity`. */
  groupBy?: { field: string; size: number } | undefined
  /** Maximum number of hits examined to fill groups or replace near-copies. Default 10,000. */
  candidatesMax?: number | undefined
}

export interface PageRequest {
  /** Number of hits, or of groups if grouped. */
  k: number
  /** Hits or groups to skip; ranks continue counting. Default 0. */
  offset?: number | undefined
  /** Additionally return this many of the best hits, whatever page is requested. */
  voters?: number | undefined
  /** Return the metadata of hits. Default true. */
  metadata?: boolean | undefined
  /** Return the embeddings of hits. Default false. */
  vectors?: boolean | undefined
  /**
   * Called with the approximate size of the hits in an answer before their metadata and embeddings are read, and with
   * that of each metadata; throws if the limit is exceeded.
   */
  onBytes?: ((bytes: number) => void) | undefined
}

export type GallerySearch = SearchTerms &
  PageRequest & {
    /** Aborted when nobody is waiting any more: its reason is thrown before more records are read. */
    signal?: AbortSignal | undefined
  }

export interface Hit {
  /** From 1. */
  rank: number
  score: number
  /** The part of the score that does not come from similarity. */
  boost?: number | undefined
  /** The score without the boost, if it has one. */
  similarity?: number | undefined
  /** Name of the gallery, if several are searched. */
  gallery?: string | undefined
  /** To the most similar picture of the query; null: unknown. Absent if the query has no picture. */
  nearCopyScore?: number | null | undefined
  /** [dimension], unit length, if requested; null: it is damaged, or the picture has been replaced or removed meanwhile. */
  vector?: Float32Array | null | undefined
  record: HitRecord
}

export interface HitGroup extends Group<Hit> {
  /** From 1. */
  rank: number
}

export interface GallerySearchResult {
  /** Score descending, then id ascending; with `diversity` in order of selection; empty with `groupBy`. */
  hits: Hit[]
  /** Ordered by their best hits. A hit's rank is its position within its group. */
  groups?: HitGroup[] | undefined
  /** As they would rank without `diversity` and `groupBy`. */
  voters?: UnrankedHit[] | undefined
  /** Whether more follows; known for kept rankings. */
  more?: boolean | undefined
  /** Number of pictures that could have been hits. */
  compared: number
  method: 'exact' | 'hnsw'
  ef?: number | undefined
  /** Of the query; expanded if requested. */
  vector: Float32Array
  isExpanded: boolean
  /** Time for index and records, including waiting. */
  durationMs: number
}
