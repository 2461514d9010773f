/**
 * One HNSW graph over slots; those with equal vectors share a node. It refers to the rows of the vectors it links, which
 * therefore must not change while the graph exists.
 *
 * The graph is never told of removals. hnswlib's own deletion mark slows each search, and an insertion that meets only
 * marked nodes reads outside its memory and kills the process. A removed slot therefore stays an ordinary node (a
 * tombstone), which searches leave out of their results.
 */
import type { NativeGraph } from './native-index.js'
import { SlotSet } from './slot-set.js'
import type { SlotVectorStore } from './slot-vectors.js'

/** Slots are 32 bits wide in the graph. */
const slotsMax = 2 ** 32
/** Slots handed over at once when a graph is written: about a megabyte, a millisecond or two. */
const slotsPerBlock = 4_096

export interface GraphSettings {
  dimension: number
  m: number
  efConstruction: number
}

/** Parallel arrays, valid until the next call. */
export interface Candidates {
  slots: Uint32Array
  scores: Float32Array
}

export class HnswGraph {
  readonly #dimension: number
  readonly #native: NativeGraph
  readonly #slots = new SlotSet()
  #found: Candidates = { slots: new Uint32Array(256), scores: new Float32Array(256) }
  #writing = false

  /** @param capacity nodes to reserve; grows on demand */
  constructor(vectors: SlotVectorStore, { dimension, m, efConstruction }: GraphSettings, capacity: number) {
    this.#dimension = dimension
    this.#native = vectors.newGraph({ m, efConstruction, capacity })
  }

  /** Slots, including tombstones. */
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

  /** @param row of the slot's vector */
  insert(slot: number, row: number): void {
    if (this.#writing) throw new Error('the graph is being written')
    if (slot >= slotsMax) throw new Error(`slot ${slot} is beyond what the graph can name`)
    this.#native.insert(slot, row)
    this.#slots.add(slot)
  }

  /**
   * The nearest `count` slots found by a search that keeps `ef` candidates, nearest first, including tombstones. Scores
   * are in float32: each is off by less than `scoreError`.
   */
  candidates(query: Float32Array, ef: number, count = ef): Candidates {
    const kept = Math.min(ef, this.count)
    const wanted = Math.min(count, kept)
    if (wanted > this.#found.slots.length) {
      const room = 2 ** Math.ceil(Math.log2(wanted))
      this.#found = { slots: new Uint32Array(room), scores: new Float32Array(room) }
    }
    const [slots, scores] = [this.#found.slots.subarray(0, wanted), this.#found.scores.subarray(0, wanted)]
    const found = wanted === 0 ? 0 : this.#native.search(query, kept, slots, scores)
    return { slots: slots.subarray(0, found), scores: scores.subarray(0, found) }
  }

  /** d products are summed in float32; for unit vectors their absolute values sum to at most 1. */
  get scoreError(): number {
    return (this.#dimension + 2) * 2 ** -24
  }

  /** Nothing is inserted until the returned promise settles; searches continue. */
  async whileUnchanged<Result>(write: () => Promise<Result>): Promise<Result> {
    this.#writing = true
    try {
      return await write()
    } finally {
      this.#writing = false
    }
  }

  /** All slots, in blocks. Use it `whileUnchanged`. */
  *blocks(): Generator<Uint32Array<ArrayBuffer>> {
    for (let from = 0; from < this.count; from += slotsPerBlock)
      yield this.#native.nodes(from, Math.min(this.count, from + slotsPerBlock))
  }

  /**
   * Reads blocks as written by `blocks` into an empty graph. It can be searched once every live vector has been attached
   * and it is settled.
   * @throws Error unless they form a graph of `count` slots
   */
  async take(blocks: AsyncIterable<Uint32Array>, count: number): Promise<void> {
    for await (const block of blocks) this.#native.take(block, count)
    this.#native.check(count)
    for (const slot of this.#native.slots()) this.#slots.add(slot)
  }

  /** Assigns a vector to a slot that was read. False if its node was linked with a different one. */
  attach(slot: number, row: number): boolean {
    return this.#native.attach(slot, row)
  }

  /** Ends reading. At least one node must have a vector; the others get a neighbour's, as searches pass through them. */
  settle(): void {
    this.#native.settle()
  }

  /** Frees the memory now; otherwise it stays until a garbage collection, which may never come. */
  release(): void {
    this.#native.release()
  }
}
