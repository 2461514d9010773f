/**
 * The vectors of one gallery in contiguous memory, one per row. Rows are allocated densely and reused; slots are not:
 * they only grow, and a removed slot stays removed. Graphs refer to rows, so the row of a removed slot is kept for as
 * long as a graph holds that slot.
 */

import { cosineOfProduct, type Direction, inverseLengthOf } from '../../../cosine.js'
import { fastestNativeIndex, type NativeGraph } from './native-index.js'

const { native } = fastestNativeIndex()

/** Rows per memory block: a few megabytes at usual dimensions, and growth never copies. */
const rowsPerChunk = 1_024
/** Slots per page of the slot → row table; pages are created on first use. */
const slotsPerPage = 4_096

/** Values in the slot → row table that are not rows. */
const unknownSlot = -1
const removedSlot = -2

export class SlotVectorStore {
  readonly dimension: number
  readonly #rowMemory: InstanceType<typeof native.Rows>
  readonly #codes: InstanceType<typeof native.Codes>
  readonly #chunks: Float32Array[] = []
  /** 1 / norm of each row's vector. */
  readonly #inverseLengths: Float64Array[] = []
  readonly #pages: (Int32Array | undefined)[] = []
  /** Row → slot; −1 for a row without a live slot. */
  #slotOfRow = new Float64Array(rowsPerChunk)
  readonly #freeRows: number[] = []
  /** Removed slot → its row, to which a graph still refers. */
  readonly #kept = new Map<number, number>()
  #rows = 0
  #size = 0
  #lengthError = 0
  /** Reused, so that a comparison allocates nothing: rows, products and estimates of one chunk. */
  readonly #someRows = new Uint32Array(rowsPerChunk)
  readonly #products = new Float64Array(rowsPerChunk)
  readonly #estimates = new Float32Array(rowsPerChunk)

  constructor(dimension: number) {
    this.dimension = dimension
    this.#rowMemory = new native.Rows(dimension, rowsPerChunk)
    this.#codes = new native.Codes(this.#rowMemory)
  }

  newGraph({ m, efConstruction, capacity }: { m: number; efConstruction: number; capacity: number }): NativeGraph {
    return new native.Graph(this.#rowMemory, m, efConstruction, capacity)
  }

  /** Live vectors. */
  get size(): number {
    return this.#size
  }

  /**
   * The largest deviation of a vector's norm from 1 so far: tiny for single-precision networks, up to 0.005 for others.
   */
  get lengthError(): number {
    return this.#lengthError
  }

  has(slot: number): boolean {
    return this.#rowOf(slot) >= 0
  }

  /**
   * False, without effect, if the slot is already live or was removed: calls may repeat and arrive in any order.
   * @param values the vector begins at `offset`
   */
  add(slot: number, values: Float32Array, offset: number): boolean {
    const page = (this.#pages[Math.floor(slot / slotsPerPage)] ??= new Int32Array(slotsPerPage).fill(unknownSlot))
    if (page[slot % slotsPerPage] !== unknownSlot) return false
    const row = this.#freeRows.pop() ?? this.#newRow()
    page[slot % slotsPerPage] = row
    this.#slotOfRow[row] = slot
    this.#chunkOf(row).set(values.subarray(offset, offset + this.dimension), (row % rowsPerChunk) * this.dimension)
    const inverseLength = inverseLengthOf(values, offset, this.dimension)
    this.#inverseLengths[Math.floor(row / rowsPerChunk)]![row % rowsPerChunk] = inverseLength
    this.#lengthError = Math.max(this.#lengthError, Math.abs(1 / inverseLength - 1))
    this.#size++
    return true
  }

  /** True when the slot was live. @param keep whether a graph refers to its row */
  remove(slot: number, keep: boolean): boolean {
    const row = this.#rowOf(slot)
    const page = (this.#pages[Math.floor(slot / slotsPerPage)] ??= new Int32Array(slotsPerPage).fill(unknownSlot))
    page[slot % slotsPerPage] = removedSlot
    if (row < 0) return false
    this.#codes.clear(row)
    this.#slotOfRow[row] = -1
    if (keep) this.#kept.set(slot, row)
    else this.#freeRows.push(row)
    this.#size--
    return true
  }

  /** Frees the kept rows of removed slots to which no graph refers any longer. */
  freeKept(isReferred: (slot: number) => boolean): void {
    for (const [slot, row] of this.#kept) {
      if (isReferred(slot)) continue
      this.#kept.delete(slot)
      this.#freeRows.push(row)
    }
  }

  /** The first live slot at or after `from`; undefined if there is none. */
  nextLive(from: number): number | undefined {
    for (let pageIndex = Math.floor(from / slotsPerPage); pageIndex < this.#pages.length; pageIndex++) {
      const page = this.#pages[pageIndex]
      if (page === undefined) continue
      const first = pageIndex * slotsPerPage
      for (let i = Math.max(0, from - first); i < slotsPerPage; i++) if (page[i]! >= 0) return first + i
    }
    return undefined
  }

  /** The row of a live slot; its vector stays there until the slot is removed. */
  row(slot: number): number {
    const row = this.#rowOf(slot)
    if (row < 0) throw new Error(`slot ${slot} is not live`)
    return row
  }

  /** A view of a live vector; valid until the next add or remove. */
  vector(slot: number): Float32Array {
    const row = this.row(slot)
    const begin = (row % rowsPerChunk) * this.dimension
    return this.#chunkOf(row).subarray(begin, begin + this.dimension)
  }

  /** The vector with its norm. */
  direction(slot: number): Direction {
    return { values: this.vector(slot), inverseLength: this.#inverseLengthOf(this.#rowOf(slot)) }
  }

  /** Live vectors with a coarse code. */
  get coded(): number {
    return this.#codes.size
  }

  isCoded(slot: number): boolean {
    return this.#codes.has(this.row(slot))
  }

  /** Assigns a live slot its coarse code, which lasts until the slot is removed or the code is dropped. */
  encode(slot: number): void {
    this.#codes.set(this.row(slot))
  }

  /** Drops the code of a live slot, if it has one. */
  forgetCode(slot: number): void {
    this.#codes.clear(this.row(slot))
  }

  forgetCodes(): void {
    this.#codes.clearAll()
  }

  /** Estimates the score of every live vector, in memory order; NaN without a coarse code. */
  estimateAll(query: Direction, visit: (slot: number, estimate: number) => void): void {
    this.#codes.ask(query.values)
    for (let first = 0; first < this.#rows; first += rowsPerChunk) {
      this.#codes.estimates(first, this.#estimates)
      for (let i = 0, end = Math.min(rowsPerChunk, this.#rows - first); i < end; i++) {
        const slot = this.#slotOfRow[first + i]!
        if (slot >= 0) visit(slot, this.#estimates[i]!)
      }
    }
  }

  /** Scores the slots that are live, in the given order. */
  scoreSlots(query: Direction, slots: ArrayLike<number>, visit: (slot: number, score: number) => void): void {
    for (let first = 0; first < slots.length; first += rowsPerChunk) {
      const rows = this.#someRows
      let live = 0
      for (let i = first, end = Math.min(slots.length, first + rowsPerChunk); i < end; i++) {
        const row = this.#rowOf(slots[i]!)
        if (row >= 0) rows[live++] = row
      }
      this.#rowMemory.productsOf(query.values, rows, this.#products.subarray(0, live))
      for (let i = 0; i < live; i++) {
        const row = rows[i]!
        visit(this.#slotOfRow[row]!, cosineOfProduct(this.#products[i]!, query, this.#inverseLengthOf(row)))
      }
    }
  }

  /** Scores every live vector, in memory order. */
  scoreAll(query: Direction, visit: (slot: number, score: number) => void): void {
    for (const [chunk, inverseLengths] of this.#inverseLengths.entries()) {
      const first = chunk * rowsPerChunk
      const end = Math.min(rowsPerChunk, this.#rows - first)
      this.#rowMemory.products(query.values, first, this.#products.subarray(0, end))
      for (let i = 0; i < end; i++) {
        const slot = this.#slotOfRow[first + i]!
        if (slot >= 0) visit(slot, cosineOfProduct(this.#products[i]!, query, inverseLengths[i]!))
      }
    }
  }

  #inverseLengthOf(row: number): number {
    return this.#inverseLengths[Math.floor(row / rowsPerChunk)]![row % rowsPerChunk]!
  }

  #rowOf(slot: number): number {
    return this.#pages[Math.floor(slot / slotsPerPage)]?.[slot % slotsPerPage] ?? unknownSlot
  }

  #chunkOf(row: number): Float32Array {
    return this.#chunks[Math.floor(row / rowsPerChunk)]!
  }

  #newRow(): number {
    const row = this.#rows++
    if (row % rowsPerChunk === 0) {
      this.#chunks.push(this.#rowMemory.addBlock())
      this.#inverseLengths.push(new Float64Array(rowsPerChunk))
    }
    if (row >= this.#slotOfRow.length) {
      const grown = new Float64Array(this.#slotOfRow.length * 2)
      grown.set(this.#slotOfRow)
      this.#slotOfRow = grown
    }
    return row
  }
}
