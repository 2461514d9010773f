/** From slots to records: the hits of one search in their final order, fetched as far as they are asked for. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Neighbour, SearchRequest, SearchResult, VectorIndex } from '../vector-index/vector-index.js'
import type { HitRecord } from './hit-record.js'

export interface UnrankedHit {
  score: number
  record: HitRecord
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
  /** By slot; without those that are gone. */
  recordsOf: (slots: readonly number[]) => ReadonlyMap<number, HitRecord>
}

/** Neighbours fetched beyond those needed: enough that ties at the end hardly ever take a second search. */
const spareNeighbours = 8
/**
 * Of more pictures than this with one and the same score (a thousand black pictures), those that
 * came first are taken: reading all of their ids would hold up every other request.
 */
const tiesMax = 2_048
/** Records read before other requests get their turn: a few milliseconds. */
export const recordsPerTurn = 64

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
  /** Of the result, those that score enough. */
  #neighbours: readonly Neighbour[] = []
  /** How many of them became hits or were passed over. */
  #taken = 0
  #hits: UnrankedHit[] = []
  #ids = new Set<string>()
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
      if (this.#taken === this.#neighbours.length) await this.#search(count)
      else if (this.#taken > 0) await nextTurn()
      this.#take(count)
    }
    this.#given = Math.max(this.#given, Math.min(count, this.#hits.length))
    return this.#hits.slice(0, count)
  }

  #isSettled(count: number, { neighbours }: SearchResult): boolean {
    const lastNeeded = this.#hits[count - 1]
    if (lastNeeded !== undefined && this.#taken > count + tiesMax) return true
    const next = this.#neighbours[this.#taken] ?? neighbours.at(-1)
    if (lastNeeded !== undefined && next !== undefined && next.score < lastNeeded.score) return true
    const all = neighbours.length < this.#fetched || this.#neighbours.length < neighbours.length
    return all && this.#taken === this.#neighbours.length
  }

  async #search(count: number): Promise<void> {
    const { index, request, minScore = -Infinity } = this.#options
    this.#fetched = Math.max(count + this.#excluded.size + spareNeighbours, this.#fetched * 2)
    this.#result = await index.search({ ...request, k: this.#fetched })
    this.#neighbours = this.#result.neighbours.filter(({ score }) => score >= minScore)
    this.#taken = 0
    this.#hits = this.#hits.slice(0, this.#given)
    this.#ids = new Set(this.#hits.map(({ record }) => record.id))
  }

  /** As many as are still needed, with the equals of the last; the rest is not read from the database before it is asked for. */
  #take(count: number): void {
    const neighbours = this.#neighbours
    const from = this.#taken
    let end = from + Math.max(1, count - this.#hits.length)
    while (end < neighbours.length && neighbours[end]!.score === neighbours[end - 1]!.score) end++
    const taken = neighbours.slice(from, Math.min(end, from + recordsPerTurn))
    this.#taken += taken.length

    const records = this.#options.recordsOf(taken.map(({ slot }) => slot))
    const after = this.#hits[this.#given - 1] ?? this.#options.after
    for (const { slot, score } of taken) {
      const record = records.get(slot)
      if (record === undefined || this.#excluded.has(record.id) || this.#ids.has(record.id)) continue
      const hit = { score, record }
      if (after !== undefined && bestFirst(after, hit) >= 0) continue
      this.#hits.push(hit)
      this.#ids.add(record.id)
    }
    const given = this.#hits.slice(0, this.#given)
    this.#hits = [...given, ...this.#hits.slice(this.#given).sort(bestFirst)]
  }
}

/** Score descending, then id ascending. */
export function bestFirst(a: UnrankedHit, b: UnrankedHit): number {
  return b.score - a.score || (a.record.id < b.record.id ? -1 : 1)
}
