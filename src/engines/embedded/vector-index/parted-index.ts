/**
 * One gallery's index in several parts, each with its own thread and graph. It behaves like a single index: a search
 * asks every part concurrently for the full result and merges the answers, so it finds no less than one graph would.
 */
import { AlikeError } from '../../../errors.js'
import type { IndexPart } from './index-thread.js'
import { packedNeighbours } from './packed-neighbours.js'
import type { SearchQueue } from './search-queue.js'
import { partOf, slotsOfPart, vectorsOfParts } from './slots-of-parts.js'
import {
  type IndexReading,
  type IndexSettings,
  type Neighbour,
  type NeighboursRequest,
  type SearchRequest,
  type SlotNeighbours,
  type SlotVectors,
  searchOf,
  type TimedSearchResult,
  type VectorIndex,
} from './vector-index.js'

/** Stored vectors fetched per answer of `neighbours`: about as many as fit in one time slice. */
const slotsPerAnswer = 16

export interface PartedIndexOptions {
  /** Two or more, ordered by number. */
  parts: readonly IndexPart[]
  dimension: number
  /** Of the whole index. */
  settings: Pick<IndexSettings, 'exactBelow' | 'sliceMs'>
  queue: SearchQueue
}

export class PartedIndex implements VectorIndex {
  readonly #options: PartedIndexOptions
  readonly #parts: readonly IndexPart[]

  constructor(options: PartedIndexOptions) {
    this.#options = options
    this.#parts = options.parts
  }

  get reading(): IndexReading {
    const readings = this.#parts.map(({ reading }) => reading)
    const sum = (key: 'size' | 'tombstones' | 'pending' | 'rebuilds') =>
      readings.reduce((total, reading) => total + reading[key], 0)
    return {
      size: sum('size'),
      tombstones: sum('tombstones'),
      pending: sum('pending'),
      building: readings.some(({ building }) => building),
      rebuilds: sum('rebuilds'),
    }
  }

  async add(items: SlotVectors): Promise<void> {
    const { dimension } = this.#options
    if (items.vectors.length !== items.slots.length * dimension) throw new AlikeError('dimension_mismatch')
    const shares = vectorsOfParts(items, dimension, this.#parts.length)
    await this.#ofThose(
      shares.map(({ slots }) => slots),
      (part, _, number) => part.take(shares[number]!),
    )
  }

  async remove(slots: Uint32Array): Promise<void> {
    await this.#ofThose(this.#shared(slots), (part, own) => part.remove(own))
  }

  search(request: SearchRequest): Promise<TimedSearchResult> {
    return this.#options.queue.pass(() => this.#search(request))
  }

  async neighbours(request: NeighboursRequest): Promise<SlotNeighbours> {
    const { slots, k } = request
    if (slots.length === 0) await this.refresh()
    const untilMs = performance.now() + this.#options.settings.sliceMs
    const batch = slots.slice(0, slotsPerAnswer)
    const stored = await this.#stored(batch)
    const lists: Neighbour[][] = []
    let byGraph = 0
    while (lists.length < batch.length && (lists.length === 0 || performance.now() < untilMs)) {
      const own = batch[lists.length]!
      const vector = stored.get(own)
      if (vector === undefined) {
        lists.push([])
        continue
      }
      const { neighbours, method } = await this.#search({ vector, ...searchOf(request) })
      lists.push(neighbours.filter(({ slot }) => slot !== own).slice(0, k))
      if (method === 'hnsw') byGraph++
    }
    return { ...packedNeighbours(lists, k), byGraph }
  }

  compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array> {
    return this.#options.queue.pass(() => this.#compare(rows, columns))
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.refresh()))
  }

  async saveGraphCache(): Promise<boolean> {
    return (await Promise.all(this.#parts.map((part) => part.saveGraphCache()))).includes(true)
  }

  async close(options?: { erase?: boolean }): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.close(options)))
  }

  async #search(request: SearchRequest): Promise<TimedSearchResult> {
    const startedAt = performance.now()
    const { k, depth = k, allow } = request
    // A single index would scan so few slots, however they are spread over the parts.
    const few = Math.min(allow?.length ?? Infinity, this.reading.size) <= this.#options.settings.exactBelow
    const results = await Promise.all(
      this.#parts.map((part) => part.searchNow(few ? { ...request, exact: true } : request)),
    )
    const graphs = results.filter(({ method }) => method === 'hnsw')
    const neighbours = mergedNeighbours(
      results.map((result) => result.neighbours),
      graphs.length > 0 ? Math.min(k, depth) : k,
    )
    const durationMs = performance.now() - startedAt
    if (graphs.length === 0) return { neighbours, method: 'exact', durationMs }
    return { neighbours, method: 'hnsw', ef: Math.max(...graphs.map(({ ef = 0 }) => ef)), durationMs }
  }

  /** Rows may lie in other parts than columns, so their vectors are fetched first. */
  async #compare(rows: Uint32Array, columns: Uint32Array): Promise<Float32Array> {
    const scores = new Float32Array(rows.length * columns.length).fill(-1)
    const stored = await this.#stored(rows)
    const live = Array.from(rows.keys()).filter((row) => stored.has(rows[row]!))
    const vectors = new Float32Array(live.length * this.#options.dimension)
    live.forEach((row, i) => vectors.set(stored.get(rows[row]!)!, i * this.#options.dimension))
    const shares = this.#shared(columns)
    const compared = await this.#ofThose(shares, (part, own) => part.compareVectors(vectors, own))
    const places = this.#parts.map((_, part) =>
      Array.from(columns.keys()).filter((column) => partOf(columns[column]!, this.#parts.length) === part),
    )
    compared.forEach((found, part) => {
      const own = places[part]!
      live.forEach((row, i) =>
        own.forEach((column, j) => (scores[row * columns.length + column] = found![i * own.length + j]!)),
      )
    })
    return scores
  }

  /** Vectors of the slots that are live. */
  async #stored(slots: Uint32Array): Promise<Map<number, Float32Array>> {
    const { dimension } = this.#options
    const stored = new Map<number, Float32Array>()
    for (const found of await this.#ofThose(this.#shared(slots), (part, own) => part.vectors(own))) {
      found?.slots.forEach((slot, i) => stored.set(slot, found.vectors.subarray(i * dimension, (i + 1) * dimension)))
    }
    return stored
  }

  #shared(slots: Uint32Array): Uint32Array[] {
    return this.#parts.map((_, part) => slotsOfPart(slots, part, this.#parts.length))
  }

  /** Asks the parts that have a share; the result is undefined for the others. */
  #ofThose<Reply>(
    shares: readonly Uint32Array[],
    ask: (part: IndexPart, share: Uint32Array, number: number) => Promise<Reply>,
  ): Promise<(Reply | undefined)[]> {
    return Promise.all(
      shares.map((share, number) => (share.length === 0 ? undefined : ask(this.#parts[number]!, share, number))),
    )
  }
}

/** Merges sorted lists (score descending, then slot ascending) and returns the first `limit` entries. */
export function mergedNeighbours(lists: readonly (readonly Neighbour[])[], limit: number): Neighbour[] {
  const merged: Neighbour[] = []
  const taken = new Array<number>(lists.length).fill(0)
  while (merged.length < limit) {
    let best: Neighbour | undefined
    let from = 0
    for (let list = 0; list < lists.length; list++) {
      const next = lists[list]![taken[list]!]
      if (
        next === undefined ||
        (best !== undefined && (next.score < best.score || (next.score === best.score && next.slot > best.slot)))
      )
        continue
      best = next
      from = list
    }
    if (best === undefined) break
    merged.push(best)
    taken[from]!++
  }
  return merged
}
