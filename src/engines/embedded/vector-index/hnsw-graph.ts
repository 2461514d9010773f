/**
 * One HNSW graph whose nodes are slots. All workarounds for hnswlib-node are here.
 *
 * The graph is never told of removals. hnswlib's own deletion mark slows each search, and an insertion that meets only
 * marked nodes reads outside its memory and kills the process. A removed slot therefore stays an ordinary node (a
 * tombstone), and searches drop it from the answer.
 */
import { fastestHnswlib, type Hnswlib } from './hnswlib.js'
import { SlotSet } from './slot-set.js'

const { hnswlib } = fastestHnswlib()

/** hnswlib labels are 32 bits wide; larger numbers wrap silently. */
const slotsMax = 2 ** 32

export interface GraphSettings {
  dimension: number
  m: number
  efConstruction: number
}

/** Parallel arrays. */
export interface Candidates {
  slots: number[]
  scores: number[]
}

export class HnswGraph {
  readonly #settings: GraphSettings
  readonly #hnsw: InstanceType<Hnswlib['HierarchicalNSW']>
  readonly #slots: SlotSet
  /** hnswlib accepts only plain arrays; one is reused, so that nothing is allocated per vector. */
  readonly #point: number[]
  #writing = false

  private constructor(settings: GraphSettings, hnsw: InstanceType<Hnswlib['HierarchicalNSW']>, slots: SlotSet) {
    this.#settings = settings
    this.#hnsw = hnsw
    this.#slots = slots
    this.#point = new Array<number>(settings.dimension).fill(0)
  }

  /** @param capacity nodes to reserve; grows on demand */
  static empty(settings: GraphSettings, capacity: number): HnswGraph {
    const hnsw = new hnswlib.HierarchicalNSW('ip', settings.dimension)
    hnsw.initIndex(Math.max(1, capacity), settings.m, settings.efConstruction)
    return new HnswGraph(settings, hnsw, new SlotSet())
  }

  /**
   * Reads a file written by `write`. hnswlib trusts its input: the caller must first have checked the file's checksum
   * and structure, or a flipped bit becomes a wild pointer.
   */
  static async read(settings: GraphSettings, path: string): Promise<HnswGraph> {
    const hnsw = new hnswlib.HierarchicalNSW('ip', settings.dimension)
    await hnsw.readIndex(path)
    const slots = new SlotSet()
    for (const slot of hnsw.getIdsList()) slots.add(slot)
    if (slots.size !== hnsw.getCurrentCount()) throw new Error('two nodes of the graph have the same slot')
    return new HnswGraph(settings, hnsw, slots)
  }

  /** Nodes, including tombstones. */
  get count(): number {
    return this.#slots.size
  }

  /** One more than its highest slot. */
  get nextSlot(): number {
    return this.#slots.end
  }

  /** While the graph is being written it must not change; searches may continue. */
  get writing(): boolean {
    return this.#writing
  }

  has(slot: number): boolean {
    return this.#slots.has(slot)
  }

  insert(slot: number, vector: Float32Array): void {
    if (this.#writing) throw new Error('the graph is being written')
    if (slot >= slotsMax) throw new Error(`slot ${slot} is beyond what the graph can name`)
    const capacity = this.#hnsw.getMaxElements()
    // Memory grows by remapping pages instead of copying, so doubling does not stall the thread.
    if (this.count >= capacity) this.#hnsw.resizeIndex(capacity * 2)
    for (let i = 0; i < this.#point.length; i++) this.#point[i] = vector[i]!
    this.#hnsw.addPoint(this.#point, slot)
    this.#slots.add(slot)
  }

  /**
   * The nearest `count` nodes found by a search that keeps `ef` candidates, nearest first, including tombstones. Scores
   * are hnswlib's, in float32: each is off by less than `scoreError`.
   */
  candidates(query: Float32Array, ef: number, count = ef): Candidates {
    const wanted = Math.min(ef, this.count)
    if (wanted === 0) return { slots: [], scores: [] }
    for (let i = 0; i < this.#point.length; i++) this.#point[i] = query[i]!
    this.#hnsw.setEf(wanted)
    const { neighbors, distances } = this.#hnsw.searchKnn(this.#point, Math.min(count, wanted))
    for (let i = 0; i < distances.length; i++) distances[i] = 1 - distances[i]!
    return { slots: neighbors, scores: distances }
  }

  /** d products are summed in float32; for unit vectors their absolute values sum to at most 1. */
  get scoreError(): number {
    return (this.#settings.dimension + 2) * 2 ** -24
  }

  /** The vector as stored in the graph. */
  vector(slot: number): Float32Array {
    return Float32Array.from(this.#hnsw.getPoint(slot))
  }

  /**
   * Writes the graph on a libuv thread, so that searches continue. hnswlib reports no write errors: the caller checks
   * the result (`graph-file.ts`).
   */
  async write(path: string): Promise<void> {
    this.#writing = true
    try {
      await this.#hnsw.writeIndex(path)
    } finally {
      this.#writing = false
    }
  }

  /** Frees the memory now; otherwise it stays until a garbage collection, which nothing may trigger. */
  release(): void {
    this.#hnsw.initIndex(1, this.#settings.m, this.#settings.efConstruction)
  }
}
