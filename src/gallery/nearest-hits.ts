/** From slots to records: the hits of one search in their final order, fetched as far as they are asked for. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Neighbour, SearchRequest, SearchResult, VectorIndex } from '../vector-index/vector-index.js'
import type { ImageRecord } from './records.js'

export interface UnrankedHit {
  score: number
  record: ImageRecord
}

/** Hits, best first, as a list that grows when more of it is asked for. What it gave once it gives again. */
export interface HitList {
  /** The best `count`, or all there are. */
  first(count: number): Promise<UnrankedHit[]>
}

export interface NearestHitsOptions {
  index: Pick<VectorIndex, 'search'>
  request: Pick<SearchRequest, 'vector' | 'ef' | 'exact' | 'allow'>
  minScore?: number
  excludeIds?: readonly string[]
  /** Only hits that come after this one. */
  after?: UnrankedHit
  /** Undefined for a slot that is gone. */
  recordOf: (slot: number) => ImageRecord | undefined
}

/** Neighbours fetched beyond those needed: enough that ties at the end hardly ever take a second search. */
const spareNeighbours = 8
/**
 * Of more pictures than this with one and the same score (a thousand black pictures), those that
 * came first are taken: reading all of their ids would hold up every other request.
 */
const tiesMax = 2_048
/** Records read before other requests get their turn: a few milliseconds. */
const recordsPerTurn = 256

/**
 * Searches until the hits asked for are certain. One search is enough unless pictures were deleted
 * between index and records, or more pictures than were fetched have the very score of the last
 * hit: which of those belong on the page is decided by id, and the index does not know ids.
 */
export class NearestHits implements HitList {
  readonly #options: NearestHitsOptions
  readonly #excluded: ReadonlySet<string>
  #fetched = 0
  #result: SearchResult | undefined
  #hits: UnrankedHit[] = []
  /** How many of the hits were given out and stay as they are. */
  #given = 0

  constructor(options: NearestHitsOptions) {
    this.#options = options
    this.#excluded = new Set(options.excludeIds)
  }

  /** How the hits were found; undefined before the first are asked for. */
  get result(): SearchResult | undefined {
    return this.#result
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (this.#result === undefined || !this.#isSettled(count, this.#result)) {
      this.#fetched = Math.max(count + this.#excluded.size + spareNeighbours, this.#fetched * 2)
      this.#result = await this.#options.index.search({ ...this.#options.request, k: this.#fetched })
      await this.#take(this.#result.neighbours)
    }
    this.#given = Math.max(this.#given, Math.min(count, this.#hits.length))
    return this.#hits.slice(0, count)
  }

  #isSettled(count: number, { neighbours }: SearchResult): boolean {
    const last = neighbours.at(-1)
    const exhausted = neighbours.length < this.#fetched || (last !== undefined && last.score < (this.#options.minScore ?? -Infinity))
    const lastNeeded = this.#hits[count - 1]
    const settled = lastNeeded !== undefined && last !== undefined && last.score < lastNeeded.score
    const tooManyTies = lastNeeded !== undefined && neighbours.length > count + tiesMax
    return exhausted || settled || tooManyTies
  }

  async #take(neighbours: readonly Neighbour[]): Promise<void> {
    const { minScore = -Infinity, recordOf } = this.#options
    const given = this.#hits.slice(0, this.#given)
    const ids = new Set(given.map(({ record }) => record.id))
    const after = given.at(-1) ?? this.#options.after
    const hits: UnrankedHit[] = []
    for (const [i, { slot, score }] of neighbours.entries()) {
      if (score < minScore) break
      if (i % recordsPerTurn === recordsPerTurn - 1) await nextTurn()
      const record = recordOf(slot)
      if (record === undefined || this.#excluded.has(record.id) || ids.has(record.id)) continue
      const hit = { score, record }
      if (after === undefined || bestFirst(after, hit) < 0) hits.push(hit)
    }
    this.#hits = [...given, ...hits.sort(bestFirst)]
  }
}

/** Score descending, then id ascending. */
export function bestFirst(a: UnrankedHit, b: UnrankedHit): number {
  return b.score - a.score || (a.record.id < b.record.id ? -1 : 1)
}
