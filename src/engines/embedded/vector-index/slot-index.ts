/**
 * One gallery's index inside the thread, or the part of it held there: the live vectors, and a graph over most of them
 * for fast search in large galleries. A vector is searchable as soon as it is in memory; linking it into the graph
 * follows in small time slices, and until then searches compare it directly. Longer than most files because vectors,
 * graph and the work in progress between them change together.
 */
import { type Direction, directionOf } from '../../../cosine.js'
import { exactNeighbours } from './exact.js'
import { type LiveGraph, searchGraph } from './graph-search.js'
import { HnswGraph } from './hnsw-graph.js'
import { packedNeighbours } from './packed-neighbours.js'
import { SlotVectorStore } from './slot-vectors.js'
import {
  type IndexReading,
  type IndexSettings,
  type Neighbour,
  type NeighboursRequest,
  type SearchRequest,
  type SearchResult,
  type SlotNeighbours,
  type SlotVectors,
  searchOf,
} from './vector-index.js'

/** A new graph reserves room for some growth; beyond, it grows in steps. */
const reservedPerVector = 1.1

export class SlotIndex {
  readonly #settings: IndexSettings
  readonly #vectors: SlotVectorStore
  /** The first graph serves while it grows: searches compare what it lacks. */
  #serving: LiveGraph | undefined
  /** True while the serving graph is the first one and does not hold every vector yet. */
  #growing = false
  /** Built beside the serving graph from every live vector, then replaces it. */
  #next: LiveGraph | undefined
  #rebuilds = 0
  /** While the vectors of a cached graph arrive: whether all so far are those it was linked with. */
  #cache: { fits: boolean } | undefined
  /** Every waiting slot below this one has its coarse code. */
  #codeCursor = 0

  constructor(dimension: number, settings: IndexSettings) {
    this.#settings = settings
    this.#vectors = new SlotVectorStore(dimension)
  }

  /** An empty graph over the vectors of this index. @param capacity nodes to reserve */
  newGraph(capacity: number): HnswGraph {
    const { m, efConstruction } = this.#settings
    return new HnswGraph(this.#vectors, { dimension: this.dimension, m, efConstruction }, capacity)
  }

  /** Serves a graph from its cache. Then every live vector must be added, and `settle` called; searches come after. */
  serve(graph: HnswGraph): void {
    this.#serving = { graph, live: 0, cursor: 0 }
    this.#cache = { fits: true }
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
      building: this.#growing || this.#next !== undefined,
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
        // Already in the graph: the vector of a cached node has arrived from the truth.
        if (linked.graph.has(slot)) {
          linked.live++
          if (this.#cache !== undefined) this.#cache.fits &&= linked.graph.attach(slot, this.#vectors.row(slot))
        } else linked.cursor = Math.min(linked.cursor, slot)
      }
      this.#codeCursor = Math.min(this.#codeCursor, slot)
    })
  }

  remove(slots: Uint32Array): void {
    for (const slot of slots) {
      const holders = [this.#serving, this.#next].filter((linked) => linked?.graph.has(slot))
      if (!this.#vectors.remove(slot, holders.length > 0)) continue
      for (const linked of holders) linked!.live--
    }
  }

  /**
   * Call it once, after every live vector has been added. False if the cached graph was linked with other vectors: then
   * it is dropped.
   */
  settle(): boolean {
    const fits = this.#cache?.fits ?? true
    this.#cache = undefined
    if (this.#serving === undefined) return true
    if (fits && this.#serving.live > 0) this.#serving.graph.settle()
    else this.#dropServing()
    return fits
  }

  /** Also frees the rows of removed slots that no graph refers to any more. */
  #dropServing(): void {
    this.#serving?.graph.release()
    this.#serving = this.#next
    this.#next = undefined
    this.#vectors.freeKept((slot) => this.#serving?.graph.has(slot) ?? false)
  }

  search({ vector, k, depth = k, ef, exact, allow }: SearchRequest): SearchResult {
    const query = directionOf(vector)
    const size = this.#vectors.size
    const allowed = allow === undefined ? size : Math.min(allow.length, size)
    const serving = this.#serving
    if (exact !== true && serving !== undefined && allowed > this.#settings.exactBelow) {
      const found = searchGraph(this.#vectors, serving, {
        query,
        k: Math.min(k, depth, allowed),
        depth: Math.min(depth, allowed),
        allow,
        allowed,
        ef,
        efDefault: this.#settings.ef,
      })
      if (found !== undefined) return found
    }
    return { neighbours: exactNeighbours(this.#vectors, query, k, allow), method: 'exact' }
  }

  /** Answers as many slots as fit in the time, at least one. */
  neighbours(request: NeighboursRequest, untilMs: number): SlotNeighbours {
    const { slots, k } = request
    const lists: Neighbour[][] = []
    let byGraph = 0
    while (lists.length < slots.length && (lists.length === 0 || performance.now() < untilMs)) {
      const own = slots[lists.length]!
      if (!this.#vectors.has(own)) {
        lists.push([])
        continue
      }
      const { neighbours, method } = this.search({ vector: this.#vectors.vector(own), ...searchOf(request) })
      lists.push(neighbours.filter(({ slot }) => slot !== own).slice(0, k))
      if (method === 'hnsw') byGraph++
    }
    return { ...packedNeighbours(lists, k), byGraph }
  }

  /** [rows, columns] scores of stored vectors with each other; −1 if either is removed. */
  compare(rows: Uint32Array, columns: Uint32Array): Float32Array<ArrayBuffer> {
    const scores = new Float32Array(rows.length * columns.length).fill(-1)
    rows.forEach((row, i) => {
      if (this.#vectors.has(row))
        this.#scoreColumns(this.#vectors.direction(row), columns, scores.subarray(i * columns.length))
    })
    return scores
  }

  /** The same for rows stored in other parts. @param vectors [n, dimension] */
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
    const live = Array.from(columns.keys()).filter((i) => this.#vectors.has(columns[i]!))
    let next = 0
    this.#vectors.scoreSlots(direction, columns, (_, score) => (scores[live[next++]!] = score))
  }

  /** Of those that are live, in the order requested. */
  vectorsOf(slots: Uint32Array): SlotVectors {
    const live = slots.filter((slot) => this.#vectors.has(slot))
    const vectors = new Float32Array(live.length * this.dimension)
    live.forEach((slot, i) => vectors.set(this.#vectors.vector(slot), i * this.dimension))
    return { slots: live, vectors }
  }

  /** Links vectors into graphs until the given time; false if nothing is left to do for now. */
  work(untilMs: number): boolean {
    this.#planRebuild()
    while (performance.now() < untilMs) {
      // Codes first if very many vectors wait: coding takes a fiftieth of the time of linking. Then the serving graph,
      // because every search scans what it lacks.
      if (this.#encodeNext() || this.#linkNext(this.#serving) || this.#linkNext(this.#next)) continue
      if (!this.#finishGraph()) return false
    }
    return true
  }

  #planRebuild(): void {
    if (this.#next !== undefined) return
    const { size } = this.#vectors
    const { tombstones } = this.reading
    const { exactBelow, tombstoneShare, tombstoneMinimum } = this.#settings
    const serving = this.#serving
    const wornOut =
      !this.#growing &&
      serving !== undefined &&
      tombstones >= tombstoneMinimum &&
      tombstones > tombstoneShare * serving.graph.count
    if (size > exactBelow && (serving === undefined || wornOut)) {
      const empty: LiveGraph = { graph: this.newGraph(Math.ceil(size * reservedPerVector)), live: 0, cursor: 0 }
      if (serving === undefined) this.#serving = empty
      else this.#next = empty
      this.#growing = serving === undefined
    } else if (wornOut && !serving.graph.writing) {
      this.#dropServing() // so few are left that scanning beats a graph
    }
  }

  /** Links the next missing vector; false if none is missing or the graph must not change now. */
  #linkNext(linked: LiveGraph | undefined): boolean {
    if (linked === undefined || linked.graph.writing || linked.live === this.#vectors.size) return false
    let slot = this.#vectors.nextLive(linked.cursor)
    while (slot !== undefined && linked.graph.has(slot)) slot = this.#vectors.nextLive(slot + 1)
    if (slot === undefined) return false
    linked.graph.insert(slot, this.#vectors.row(slot))
    linked.live++
    linked.cursor = slot + 1
    // only waiting vectors count as coded
    if (linked === this.#serving) this.#vectors.forgetCode(slot)
    return true
  }

  /**
   * Codes the next vector that waits for the serving graph; false if codes are not needed or all waiting vectors have
   * one.
   */
  #encodeNext(): boolean {
    if (this.#serving === undefined) return false
    const { graph, live, cursor } = this.#serving
    const { codedFrom } = this.#settings
    const waiting = this.#vectors.size - live
    if (waiting < codedFrom) {
      if (waiting < codedFrom / 2 && this.#vectors.coded > 0) this.#forgetCodes()
      return false
    }
    let slot = this.#vectors.nextLive(Math.max(cursor, this.#codeCursor))
    while (slot !== undefined && (graph.has(slot) || this.#vectors.isCoded(slot))) {
      slot = this.#vectors.nextLive(slot + 1)
    }
    this.#codeCursor = slot === undefined ? Infinity : slot + 1
    if (slot !== undefined) this.#vectors.encode(slot)
    return slot !== undefined
  }

  #forgetCodes(): void {
    this.#vectors.forgetCodes()
    this.#codeCursor = 0
  }

  /**
   * The graph that holds every vector becomes the serving one; false if none was being built or one is being written.
   */
  #finishGraph(): boolean {
    const writing = this.#serving?.graph.writing ?? false
    if (writing || (!this.#growing && this.#next === undefined)) return false
    if (this.#next !== undefined) this.#dropServing()
    this.#growing = false
    this.#rebuilds++
    return true
  }

  /**
   * Frees the graphs' memory now; afterwards the index must not be used. No graph may be in the process of being
   * written.
   */
  release(): void {
    for (const linked of [this.#serving, this.#next]) linked?.graph.release()
    this.#serving = undefined
    this.#next = undefined
  }
}
