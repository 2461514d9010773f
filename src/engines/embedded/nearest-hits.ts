/** From slots to records: the hits of one search in their final order, fetched on demand. */
import type { NearestHits, NearestQuery } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import { bestFirst, type MeasuredHits, type UnrankedHit } from '../../gallery/hits.js'
import { nfc } from '../../text.js'
import { nextTurn } from '../../turns.js'
import { narrowed, type Scope, type SearchedSlots, scopeOf } from './searched-slots.js'
import type { SlotHit } from './slot-hit.js'
import type { Neighbour, SearchResult } from './vector-index/vector-index.js'

/**
 * Hits of the first graph search, even if fewer are requested; each further search doubles the depth. 108 candidates
 * instead of 64 cost a third more index time, about 1 % of a query by picture, and one search then serves six pages of
 * ten.
 */
const firstDepth = 64
/** Extra neighbours fetched beyond the requested ones, so that ties at the end rarely need a second search. */
const spareNeighbours = 8
/** Minimum hits of the first search when the caller sets `ef`, which then determines the depth. */
const firstDepthMin = 16
/**
 * Pictures with an identical score (a thousand black pictures) are ordered by id in chunks of this size, oldest first.
 * Reading all of their ids at once would hold up every other request.
 */
const tiesMax = 2_048
/** Records read before other requests get a turn: a few milliseconds. */
export const recordsPerTurn = 64
/** Searches repeated in a row because pictures were replaced meanwhile. */
const repeatsMax = 5

/** How many hits the first search looks for. @param spare extra neighbours fetched beyond the requested ones */
function firstDepthOf(ef: number | undefined, spare = spareNeighbours): number {
  return ef === undefined ? firstDepth : Math.max(firstDepthMin, ef - spare)
}

/** The same, with the extra ones. */
export function depthOfQuery(ef: number | undefined): number {
  return firstDepthOf(ef) + spareNeighbours
}

/** What the index is asked for: `k` neighbours, as if it were searched for `depth` of them. */
interface Request {
  k: number
  depth: number
}

/** The result of one search, consumed from the top. */
interface Found {
  request: Request
  /** Without those that were passed before. */
  neighbours: readonly Neighbour[]
  taken: number
  /** It was a scan, which misses nothing, or goes on after one: the list has no steps. */
  isScan: boolean
  /** No hits come after these. */
  isLast: boolean
}

/**
 * A list that does not depend on how it is paged, as long as the gallery stays unchanged: pages never overlap and skip
 * nothing. A deeper graph search can find a picture that a shallower one missed, so depths are fixed steps: the hits of
 * the first search come first, then those that the second one adds, and so on; within a step they are ordered by score
 * and id. A scan misses nothing and needs no steps.
 */
export class SlotHits implements NearestHits {
  readonly compared: number
  readonly #query: NearestQuery
  #scope: Scope
  /** Pictures at this slot and above were stored after the query arrived. */
  #belowSlot: number
  readonly #excluded: ReadonlySet<string>
  /** Neighbours requested beyond the hits that are wanted. */
  readonly #spare: number
  readonly #ids: Set<string>
  /** Slots that became hits or were excluded. */
  readonly #passed = new Set<number>()
  readonly #hits: UnrankedHit[] = []
  #hitBytes = 0
  #found: Found | undefined
  #repeats = 0
  #result: Pick<SearchResult, 'method' | 'ef'> | undefined

  private constructor(scope: Scope, query: NearestQuery, seen: readonly UnrankedHit[]) {
    this.compared = scope.allow?.length ?? scope.searched.count
    this.#scope = scope
    this.#query = query
    this.#belowSlot = query.kept ? scope.searched.nextSlot : Infinity
    this.#excluded = new Set(query.excludeIds?.flatMap((id) => [id, nfc(id)]))
    this.#spare = this.#excluded.size + spareNeighbours
    this.#ids = new Set(seen.map(({ record }) => record.id))
  }

  static async open(searched: SearchedSlots, query: NearestQuery): Promise<SlotHits> {
    return new SlotHits(await scopeOf(searched, query), query, [])
  }

  async fitting(filter: Filter, seen: readonly UnrankedHit[]): Promise<MeasuredHits> {
    return new SlotHits(await narrowed(this.#scope, this.#query, filter), this.#query, seen)
  }

  get method(): 'exact' | 'hnsw' {
    return this.#result?.method ?? 'exact'
  }

  get ef(): number | undefined {
    return this.#result?.ef
  }

  get bytes(): number {
    return (this.#scope.allow?.byteLength ?? 0) + 64 * (this.#found?.neighbours.length ?? 0) + this.#hitBytes
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (this.#hits.length < count) {
      const found = this.#found
      const chunks = found === undefined ? [] : nextChunks(found, Math.min(count, reachOf(found)) - this.#hits.length)
      if (chunks.length > 0) await this.#take(found!, chunks)
      else if (found?.isLast && found.taken === found.neighbours.length) break
      else this.#found = await this.#ask(this.#nextRequest(count))
    }
    return this.#hits.slice(0, count)
  }

  #nextRequest(count: number): Request {
    const spare = this.#spare
    const former = this.#found
    // the first search for a short page fetches only that page; further hits are fetched on demand
    if (former === undefined) return { k: count + spare, depth: firstDepthOf(this.#query.ef, spare) }
    const { k, depth } = former.request
    if (former.isScan) return { k: Math.max(count + spare, 2 * k), depth: Infinity }
    const isUsedUp = k >= depth + spare || this.#hits.length >= depth
    const next = isUsedUp ? 2 * depth : depth
    return { k: Math.max(count, next) + spare, depth: next }
  }

  async #ask(request: Request): Promise<Found> {
    const { vector, minScore = -Infinity } = this.#query
    const { searched, allow } = this.#scope
    const depth = request.depth + this.#spare
    const { neighbours, method, ef } = await searched.index.search({
      vector,
      k: request.k,
      depth,
      ef: this.#query.ef,
      exact: this.#query.exact,
      allow,
    })
    // what replaced a picture meanwhile has a slot that was not allowed
    const isLimited = allow !== undefined || this.#query.kept
    if (isLimited && searched.hasRetired() && (await this.#isRenewed())) return this.#ask(request)
    if (this.#result === undefined || method === 'hnsw') this.#result = { method, ef }
    const requested = method === 'hnsw' ? Math.min(request.k, depth) : request.k
    return {
      request,
      neighbours: neighbours.filter(
        ({ slot, score }) => score >= minScore && slot < this.#belowSlot && !this.#passed.has(slot),
      ),
      taken: 0,
      isScan: method === 'exact' || request.depth === Infinity,
      isLast: neighbours.length < requested || (neighbours.at(-1)?.score ?? Infinity) < minScore,
    }
  }

  async #take(found: Found, chunks: readonly (readonly Neighbour[])[]): Promise<void> {
    const slots = chunks.flat().map(({ slot }) => slot)
    const records = await this.#recordsOf(slots)
    // one that was replaced after the search has another slot now
    if (records.size < slots.length && (await this.#isRenewed())) {
      this.#found = await this.#ask(found.request)
      return
    }
    this.#repeats = 0
    found.taken += slots.length
    for (const slot of slots) this.#passed.add(slot)
    for (const chunk of chunks) {
      const hits = chunk.flatMap(({ slot, score }) => {
        const record = records.get(slot)
        return record === undefined || this.#excluded.has(record.id) || this.#ids.has(record.id)
          ? []
          : { score, record }
      })
      for (const hit of hits.sort(bestFirst)) {
        this.#hits.push(hit)
        this.#ids.add(hit.record.id)
        this.#hitBytes += bytesOf(hit.record)
      }
    }
  }

  async #recordsOf(slots: readonly number[]): Promise<Map<number, SlotHit>> {
    const records = new Map<number, SlotHit>()
    for (let begin = 0; begin < slots.length; begin += recordsPerTurn) {
      if (begin > 0) await nextTurn()
      this.#query.signal?.throwIfAborted()
      for (const [slot, record] of this.#scope.searched.recordsOf(slots.slice(begin, begin + recordsPerTurn)))
        records.set(slot, record)
    }
    return records
  }

  /** Continues with the set as it is now; false if a kept list was shown already, or pictures change all the time. */
  async #isRenewed(): Promise<boolean> {
    const { later } = this.#scope
    const isShown = this.#query.kept && this.#hits.length > 0
    if (later === undefined || isShown || this.#repeats === repeatsMax) return false
    this.#repeats++
    this.#scope = await later()
    if (this.#query.kept) this.#belowSlot = this.#scope.searched.nextSlot
    return true
  }
}

/** Approximate memory. */
function bytesOf({ id, label, groupKeys = [] }: UnrankedHit['record']): number {
  return (
    256 +
    2 * (id.length + (label?.length ?? 0)) +
    groupKeys.reduce<number>((bytes, key) => bytes + 16 + 2 * String(key).length, 0)
  )
}

/** How long the list may grow by hits of this search, and of earlier ones. */
function reachOf({ request, isScan, isLast }: Found): number {
  return isScan || isLast ? Infinity : request.depth
}

/** Runs of equal scores that together hold `needed` neighbours; a run whose end is unknown is left out. */
function nextChunks({ neighbours, taken, isLast }: Found, needed: number): Neighbour[][] {
  const chunks: Neighbour[][] = []
  let end = taken
  while (end - taken < needed && end < neighbours.length) {
    const begin = end++
    while (end < neighbours.length && neighbours[end]!.score === neighbours[begin]!.score && end - begin < tiesMax)
      end++
    if (end === neighbours.length && !isLast && end - begin < tiesMax) break
    chunks.push(neighbours.slice(begin, end))
  }
  return chunks
}
