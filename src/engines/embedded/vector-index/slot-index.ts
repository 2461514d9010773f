/**
 * One gallery's index inside the thread, or the part of it that lies there: the live vectors, and a graph over most of them that makes
 * large searches fast. A vector is found as soon as it is in memory; linking it into the graph
 * follows in small slices of time, and until then searches compare it directly.
 */
import { type Direction, directionOf, scoreTolerance } from '../../../cosine.js'
import { exactNeighbours } from './exact.js'
import { HnswGraph } from './hnsw-graph.js'
import { Nearest } from './nearest.js'
import { packedNeighbours } from './packed-neighbours.js'
import { SlotVectorStore } from './slot-vectors.js'
import type {
  IndexReading,
  IndexSettings,
  Neighbour,
  NeighboursRequest,
  SlotNeighbours,
  SlotVectors,
} from './vector-index.js'

/**
 * What one candidate of a graph search costs, counted in comparisons of an exact scan: measured at
 * 4 to 9 between 128 and 512 dimensions, less where those that a filter allows lie scattered in memory. Decides when a scan is the cheaper way; ties go to the scan.
 */
const comparisonsPerCandidate = 5

/**
 * Each candidate that crosses from the library costs time: of a short page only the nearest are
 * taken, with so many more that where the equals of the k-th one end is nearly always seen.
 */
const shortPage = { k: 32, spare: 4 }

export interface SlotSearch {
  vector: Float32Array
  k: number
  depth?: number | undefined
  ef?: number
  exact?: boolean
  allow?: Uint32Array
}

export interface SlotSearchResult {
  neighbours: Neighbour[]
  method: 'exact' | 'hnsw'
  ef?: number
}

interface GraphSearch {
  query: Direction
  /** At most `depth`. */
  k: number
  /** How many neighbours the graph must be sure of: what decides which it finds. */
  depth: number
  allow?: Uint32Array | undefined
}

/** A graph and how many of its nodes are live. */
interface LiveGraph {
  graph: HnswGraph
  live: number
  /** No live slot below it is missing from the graph. */
  cursor: number
}

export class SlotIndex {
  readonly #settings: IndexSettings
  readonly #vectors: SlotVectorStore
  #serving: LiveGraph | undefined
  /** Built beside the serving one from every live vector, then takes its place. */
  #next: LiveGraph | undefined
  #rebuilds = 0

  constructor(dimension: number, settings: IndexSettings, graphCache?: HnswGraph) {
    this.#settings = settings
    this.#vectors = new SlotVectorStore(dimension)
    if (graphCache !== undefined) this.#serving = { graph: graphCache, live: 0, cursor: 0 }
  }

  get dimension(): number {
    return this.#vectors.dimension
  }

  get reading(): IndexReading {
    const { size } = this.#vectors
    const serving = this.#serving
    return {
      size,
      tombstones: serving === undefined ? 0 : serving.graph.count - serving.live,
      pending: serving === undefined ? (size > this.#settings.exactBelow ? size : 0) : size - serving.live,
      building: this.#next !== undefined,
      rebuilds: this.#rebuilds,
    }
  }

  /** The graph that searches use, for its cache. */
  get graph(): HnswGraph | undefined {
    return this.#serving?.graph
  }

  add(slots: Uint32Array, vectors: Float32Array): void {
    slots.forEach((slot, i) => {
      if (!this.#vectors.add(slot, vectors, i * this.dimension)) return
      for (const linked of [this.#serving, this.#next]) {
        if (linked === undefined) continue
        // In the graph already: the vector of a cached graph's node has come from the truth.
        if (linked.graph.has(slot)) linked.live++
        else linked.cursor = Math.min(linked.cursor, slot)
      }
    })
  }

  remove(slots: Uint32Array): void {
    for (const slot of slots) {
      if (!this.#vectors.remove(slot)) continue
      for (const linked of [this.#serving, this.#next]) if (linked?.graph.has(slot)) linked.live--
    }
  }

  /**
   * Whether the cached graph holds the vectors that the truth holds, by a sample; if not, the
   * graph is dropped. Called once, when every live vector has been added.
   */
  checkAgainstTruth(sampleSize: number): boolean {
    const graph = this.#serving?.graph
    if (graph === undefined) return true
    const stride = Math.max(1, Math.floor(graph.nextSlot / sampleSize))
    for (let from = 0; from < graph.nextSlot; from += stride) {
      const slot = this.#vectors.nextLive(from)
      if (slot === undefined) break
      if (graph.has(slot) && !sameValues(graph.vector(slot), this.#vectors.vector(slot))) {
        graph.release()
        this.#serving = undefined
        return false
      }
    }
    return true
  }

  search({ vector, k, depth = k, ef, exact, allow }: SlotSearch): SlotSearchResult {
    const query = directionOf(vector)
    const size = this.#vectors.size
    const allowed = allow === undefined ? size : Math.min(allow.length, size)
    const serving = this.#serving
    if (exact !== true && serving !== undefined && allowed > this.#settings.exactBelow) {
      const found = this.#searchGraph(
        serving,
        { query, k: Math.min(k, depth, allowed), depth: Math.min(depth, allowed), allow },
        allowed,
        ef,
      )
      if (found !== undefined) return found
    }
    return { neighbours: exactNeighbours(this.#vectors, query, k, allow), method: 'exact' }
  }

  /** Of as many slots as the time has room for, one at least. */
  neighbours({ slots: asked, k, ef }: NeighboursRequest, untilMs: number): SlotNeighbours {
    const lists: Neighbour[][] = []
    let byGraph = 0
    while (lists.length < asked.length && (lists.length === 0 || performance.now() < untilMs)) {
      const own = asked[lists.length]!
      if (!this.#vectors.has(own)) {
        lists.push([])
        continue
      }
      // one more, as a picture is its own nearest
      const { neighbours, method } = this.search({
        vector: this.#vectors.vector(own),
        k: k + 1,
        ...(ef !== undefined && { ef }),
      })
      lists.push(neighbours.filter(({ slot }) => slot !== own).slice(0, k))
      if (method === 'hnsw') byGraph++
    }
    return { ...packedNeighbours(lists, k), byGraph }
  }

  /** [rows, columns] scores of stored vectors with each other; one that is gone is like nothing: −1. */
  compare(rows: Uint32Array, columns: Uint32Array): Float32Array<ArrayBuffer> {
    const scores = new Float32Array(rows.length * columns.length).fill(-1)
    rows.forEach((row, i) => {
      if (this.#vectors.has(row))
        this.#scoreColumns(this.#vectors.direction(row), columns, scores.subarray(i * columns.length))
    })
    return scores
  }

  /** The same for rows that are stored in other parts. @param vectors [n, dimension] */
  compareVectors(vectors: Float32Array, columns: Uint32Array): Float32Array<ArrayBuffer> {
    const rows = vectors.length / this.dimension
    const scores = new Float32Array(rows * columns.length).fill(-1)
    for (let row = 0; row < rows; row++) {
      const direction = directionOf(vectors.subarray(row * this.dimension, (row + 1) * this.dimension))
      this.#scoreColumns(direction, columns, scores.subarray(row * columns.length))
    }
    return scores
  }

  #scoreColumns(direction: Direction, columns: Uint32Array, scores: Float32Array): void {
    columns.forEach((column, i) => {
      if (this.#vectors.has(column)) scores[i] = this.#vectors.score(direction, column)
    })
  }

  /** Those of the slots that are live, in the order asked. */
  vectorsOf(slots: Uint32Array): SlotVectors {
    const live = slots.filter((slot) => this.#vectors.has(slot))
    const vectors = new Float32Array(live.length * this.dimension)
    live.forEach((slot, i) => vectors.set(this.#vectors.vector(slot), i * this.dimension))
    return { slots: live, vectors }
  }

  /**
   * Asks for more and more candidates until the last allowed one of the depth lies in their nearer two thirds:
   * near the end of the list the graph misses neighbours. Undefined when a scan is the cheaper way.
   */
  #searchGraph(
    serving: LiveGraph,
    search: GraphSearch,
    allowed: number,
    ef: number | undefined,
  ): SlotSearchResult | undefined {
    const { graph, live, cursor } = serving
    const { depth } = search
    const { size } = this.#vectors
    // What share of the graph's nodes counts, if the allowed ones lie anywhere: the first guess.
    const share = Math.max(1 / graph.count, (allowed / size) * (live / graph.count))
    let wanted = Math.ceil(
      ef === undefined
        ? Math.max(this.#settings.ef, (1.5 * likelyEnough(depth, share)) / share)
        : Math.max(ef, depth) / share,
    )
    for (;;) {
      wanted = Math.min(wanted, graph.count)
      if (wanted * comparisonsPerCandidate + size - live >= allowed) return undefined
      const { nearest, found, reliable } = this.#best(graph, search, wanted, share)
      if (reliable >= depth || (ef !== undefined && found >= depth)) {
        if (size > live) this.#offerPending(nearest, graph, cursor, search)
        return { neighbours: nearest.sorted(), method: 'hnsw', ef: wanted }
      }
      wanted *= 2
    }
  }

  /**
   * The k best live and allowed ones of `ef` candidates, by their exact scores. Only those are compared again whose
   * approximate score leaves open whether they belong to them. How many there are is counted up to the depth only.
   */
  #best(
    graph: HnswGraph,
    { query, k, depth, allow }: GraphSearch,
    ef: number,
    share: number,
  ): { nearest: Nearest; found: number; reliable: number } {
    const lengthError = Math.max(this.#vectors.lengthError, Math.abs(1 / query.inverseLength - 1))
    const margin = 2 * (graph.scoreError + 2 * lengthError) + scoreTolerance
    const enough = Math.max(k + shortPage.spare, depth)
    const few =
      allow === undefined && k <= shortPage.k ? Math.min(ef, Math.ceil(likelyEnough(enough, share) / share)) : ef
    for (let count = few; ; count = ef) {
      const { slots, scores } = graph.candidates(query.values, ef, count)
      const nearest = new Nearest(k)
      let [found, reliable, kthScore, settled] = [0, 0, -Infinity, false]
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!
        if (!this.#vectors.has(slot) || (allow !== undefined && !includesSorted(allow, slot))) continue
        settled ||= found >= k && scores[i]! < kthScore - margin
        if (settled && found >= depth) break
        if (!settled) nearest.offer(slot, this.#vectors.score(query, slot))
        if (i < (ef * 2) / 3) reliable++
        if (++found === k) kthScore = scores[i]!
      }
      if ((settled && found >= depth) || slots.length < count || count === ef) return { nearest, found, reliable }
    }
  }

  /** Live vectors that the graph does not hold yet. */
  #offerPending(nearest: Nearest, graph: HnswGraph, cursor: number, { query, allow }: GraphSearch): void {
    for (let slot = this.#vectors.nextLive(cursor); slot !== undefined; slot = this.#vectors.nextLive(slot + 1)) {
      if (graph.has(slot) || (allow !== undefined && !includesSorted(allow, slot))) continue
      nearest.offer(slot, this.#vectors.score(query, slot))
    }
  }

  /** Links vectors into graphs until the time comes; false when there is nothing left to do now. */
  work(untilMs: number): boolean {
    this.#planRebuild()
    while (performance.now() < untilMs) {
      // The serving graph first: what it lacks makes every search scan.
      if (this.#linkNext(this.#serving) || this.#linkNext(this.#next)) continue
      if (this.#next === undefined || this.#serving?.graph.writing) return false
      this.#swap(this.#next)
    }
    return true
  }

  #planRebuild(): void {
    if (this.#next !== undefined) return
    const { size } = this.#vectors
    const { tombstones } = this.reading
    const { exactBelow, tombstoneShare, tombstoneMinimum, m, efConstruction } = this.#settings
    const serving = this.#serving
    const wornOut =
      serving !== undefined && tombstones >= tombstoneMinimum && tombstones > tombstoneShare * serving.graph.count
    if (size > exactBelow && (serving === undefined || wornOut)) {
      const graph = HnswGraph.empty({ dimension: this.dimension, m, efConstruction }, Math.ceil(size * 1.25))
      this.#next = { graph, live: 0, cursor: 0 }
    } else if (wornOut && !serving.graph.writing) {
      serving.graph.release()
      this.#serving = undefined // so few are left that scanning them is the better index
    }
  }

  /** Links the next missing vector; false when none is missing or the graph must not change now. */
  #linkNext(linked: LiveGraph | undefined): boolean {
    if (linked === undefined || linked.graph.writing || linked.live === this.#vectors.size) return false
    let slot = this.#vectors.nextLive(linked.cursor)
    while (slot !== undefined && linked.graph.has(slot)) slot = this.#vectors.nextLive(slot + 1)
    if (slot === undefined) return false
    linked.graph.insert(slot, this.#vectors.vector(slot))
    linked.live++
    linked.cursor = slot + 1
    return true
  }

  /** Gives the graphs' memory back now; the index must not be used after it, nor a graph be written. */
  release(): void {
    for (const linked of [this.#serving, this.#next]) linked?.graph.release()
    this.#serving = undefined
    this.#next = undefined
  }

  #swap(next: LiveGraph): void {
    this.#serving?.graph.release()
    this.#serving = next
    this.#next = undefined
    this.#rebuilds++
  }
}

/** So many allowed ones expected among some nodes, and there are hardly ever fewer than k: three deviations of a binomial count. */
function likelyEnough(k: number, share: number): number {
  return k + 3 * Math.sqrt(k * (1 - share))
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function includesSorted(sorted: Uint32Array, slot: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < slot) low = middle + 1
    else high = middle
  }
  return sorted[low] === slot
}
