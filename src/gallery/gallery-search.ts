/** From slots to records: the hits of one search, in their final order. */
import type { Neighbour, SearchResult, VectorIndex } from '../vector-index/vector-index.js'
import type { Filter } from './filter.js'
import type { ImageRecord } from './records.js'

export interface GallerySearch {
  /** [dimension], unit length. */
  vector: Float32Array
  k: number
  /** Hits left out from the top; rank goes on counting. Default 0. */
  offset?: number
  /** Hits of a lower score are left out. */
  minScore?: number
  ef?: number
  exact?: boolean
  /** Only pictures that fit. */
  filter?: Filter
  /** These pictures are left out, e.g. the query itself. */
  excludeIds?: string[]
}

export interface Hit {
  /** From 1. */
  rank: number
  score: number
  record: ImageRecord
}

export interface GallerySearchResult {
  /** Score descending, then id ascending. */
  hits: Hit[]
  method: 'exact' | 'hnsw'
  ef?: number
  /** Index and records, waiting included. */
  durationMs: number
}

/** Neighbours fetched beyond those needed: enough that ties at the end hardly ever take a second search. */
const spareNeighbours = 8
/**
 * Of more pictures than this with one and the same score (a thousand black pictures), those that
 * came first are taken: reading all of their ids would hold up every other request.
 */
const tiesMax = 2_048

/**
 * Searches until the needed hits are certain. One search is enough unless pictures were deleted
 * between index and records, or more pictures than were fetched have the very score of the last
 * hit: which of those belong on the page is decided by id, and the index does not know ids.
 *
 * @param allow slots that may be hits; all when left out.
 * @param recordOf undefined for a slot that is gone.
 */
export async function searchGallery(
  index: Pick<VectorIndex, 'search'>,
  search: GallerySearch,
  allow: Uint32Array | undefined,
  recordOf: (slot: number) => ImageRecord | undefined,
): Promise<GallerySearchResult> {
  const startedAt = performance.now()
  const { vector, k, offset = 0, minScore = -Infinity, ef, exact } = search
  const excluded = new Set(search.excludeIds)
  const needed = offset + k
  for (let fetch = needed + excluded.size + spareNeighbours; ; fetch *= 2) {
    const result = await index.search({
      vector,
      k: fetch,
      ...(ef !== undefined && { ef }),
      ...(exact !== undefined && { exact }),
      ...(allow && { allow }),
    })
    const hits = hitsOf(result.neighbours, minScore, excluded, recordOf)
    const last = result.neighbours.at(-1)
    const exhausted = result.neighbours.length < fetch || (last !== undefined && last.score < minScore)
    const lastNeeded = hits[needed - 1]
    const settled = lastNeeded !== undefined && last !== undefined && last.score < lastNeeded.score
    const tooManyTies = lastNeeded !== undefined && result.neighbours.length > needed + tiesMax
    if (exhausted || settled || tooManyTies) return resultOf(result, hits.slice(offset, needed), offset, startedAt)
  }
}

type UnrankedHit = Omit<Hit, 'rank'>

function hitsOf(
  neighbours: Neighbour[],
  minScore: number,
  excluded: ReadonlySet<string>,
  recordOf: (slot: number) => ImageRecord | undefined,
): UnrankedHit[] {
  const hits: UnrankedHit[] = []
  for (const { slot, score } of neighbours) {
    if (score < minScore) break
    const record = recordOf(slot)
    if (record !== undefined && !excluded.has(record.id)) hits.push({ score, record })
  }
  return hits.sort((a, b) => b.score - a.score || (a.record.id < b.record.id ? -1 : 1))
}

function resultOf({ method, ef }: SearchResult, hits: UnrankedHit[], offset: number, startedAt: number): GallerySearchResult {
  return {
    hits: hits.map((hit, i) => ({ rank: offset + i + 1, ...hit })),
    method,
    ...(ef !== undefined && { ef }),
    durationMs: performance.now() - startedAt,
  }
}
