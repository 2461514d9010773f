/**
 * The live vectors of one gallery in contiguous memory, one per row. Rows are allocated densely and reused; slots are
 * not: they only grow, and a removed slot stays removed.
 */

import { cosineTo, type Direction, inverseLengthOf } from '../../../cosine.js'
import type { CoarseQuery } from './coarse-codes.js'
import { RowCodes } from './row-codes.js'

/** Rows per memory block: a few megabytes at usual dimensions, and growth never copies. */
const rowsPerChunk = 1_024
/** Slots per page of the slot → row table; pages are created on first use. */
const slotsPerPage = 4_096

/** Values in the slot → row table that are not rows. */
const unknownSlot = -1
const removedSlot = -2

export class SlotVectorStore {
  readonly dimension: number
  readonly #chunks: Float32Array[] = []
  /** 1 / norm of each row's vector. */
  readonly #inverseLengths: Float64Array[] = []
  readonly #pages: (Int32Array | undefined)[] = []
  /** Row → slot; −1 for a free row. */
  #slotOfRow = new Float64Array(rowsPerChunk)
  readonly #freeRows: number[] = []
  #rows = 0
  #size = 0
  #lengthError = 0
  readonly #codes: RowCodes

  constructor(dimension: number) {
    this.dimension = dimension
    this.#codes = new RowCodes(dimension, rowsPerChunk)
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

  /** True when the slot was live. */
  remove(slot: number): boolean {
    const row = this.#rowOf(slot)
    const page = (this.#pages[Math.floor(slot / slotsPerPage)] ??= new Int32Array(slotsPerPage).fill(unknownSlot))
    page[slot % slotsPerPage] = removedSlot
    if (row < 0) return false
    this.#codes.clear(row)
    this.#slotOfRow[row] = -1
    this.#freeRows.push(row)
    this.#size--
    return true
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

  /** A view of a live vector; valid until the next add or remove. */
  vector(slot: number): Float32Array {
    const row = this.#rowOf(slot)
    if (row < 0) throw new Error(`slot ${slot} is not live`)
    const begin = (row % rowsPerChunk) * this.dimension
    return this.#chunkOf(row).subarray(begin, begin + this.dimension)
  }

  /** The vector with its norm. */
  direction(slot: number): Direction {
    return { values: this.vector(slot), inverseLength: this.#inverseLengthOf(this.#rowOf(slot)) }
  }

  /** Cosine similarity of the query and a live slot. */
  score(query: Direction, slot: number): number {
    return this.#scoreRow(query, this.#rowOf(slot))
  }

  /** Live vectors with a coarse code. */
  get coded(): number {
    return this.#codes.size
  }

  isCoded(slot: number): boolean {
    return this.#codes.has(this.#rowOf(slot))
  }

  /** Assigns a live slot its coarse code, which lasts until the slot is removed or the code is dropped. */
  encode(slot: number): void {
    const row = this.#rowOf(slot)
    this.#codes.set(row, this.#chunkOf(row), (row % rowsPerChunk) * this.dimension)
  }

  /** Drops the code of a live slot, if it has one. */
  forgetCode(slot: number): void {
    this.#codes.clear(this.#rowOf(slot))
  }

  forgetCodes(): void {
    this.#codes.clearAll()
  }

  coarseQuery(query: Direction): CoarseQuery {
    return this.#codes.query(query.values)
  }

  /** The estimated score of a live slot; undefined if it has no coarse code. */
  estimate(query: CoarseQuery, slot: number): number | undefined {
    return this.#codes.estimate(query, this.#rowOf(slot))
  }

  /** Scores the slots that are live, in the given order. */
  scoreSlots(query: Direction, slots: Uint32Array, visit: (slot: number, score: number) => void): void {
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      const row = this.#rowOf(slot)
      if (row >= 0) visit(slot, this.#scoreRow(query, row))
    }
  }

  /** Scores every live vector, in memory order. */
  scoreAll(query: Direction, visit: (slot: number, score: number) => void): void {
    for (let row = 0; row < this.#rows; ) {
      const chunk = this.#chunkOf(row)
      const inverseLengths = this.#inverseLengths[Math.floor(row / rowsPerChunk)]!
      const end = Math.min(this.#rows, row + rowsPerChunk)
      for (let offset = 0; row < end; row++, offset += this.dimension) {
        const slot = this.#slotOfRow[row]!
        if (slot >= 0) visit(slot, cosineTo(query, chunk, offset, inverseLengths[row % rowsPerChunk]!))
      }
    }
  }

  #scoreRow(query: Direction, row: number): number {
    return cosineTo(query, this.#chunkOf(row), (row % rowsPerChunk) * this.dimension, this.#inverseLengthOf(row))
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
      this.#chunks.push(new Float32Array(rowsPerChunk * this.dimension))
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
