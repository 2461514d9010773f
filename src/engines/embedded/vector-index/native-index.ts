/** The addon that holds vectors and graphs (`native/`), compiled against hnswlib's headers. */
import { loadFastest, type NativeBuild } from '../../../native-build.js'

/** Vectors, stored once. Rows are numbered across blocks. */
export interface NativeRows {
  /** The memory of the next block of rows, to be written and read. */
  addBlock(): Float32Array
  /** Exact products (as `dot` of `cosine.ts`) with `out.length` rows from `first` on. */
  products(query: Float32Array, first: number, out: Float64Array): void
  /** Exact products with the first `out.length` of the rows. */
  productsOf(query: Float32Array, rows: Uint32Array, out: Float64Array): void
}

/** Coarse codes of some rows: one bit per dimension, from which products are estimated. */
export interface NativeCodes {
  /** Rows with a code. */
  readonly size: number
  has(row: number): boolean
  set(row: number): void
  /** Call it before another vector is written to the row. */
  clear(row: number): void
  clearAll(): void
  /** Sets the query of the estimates that follow. */
  ask(query: Float32Array): void
  /** Estimated products with `out.length` rows from `first` on; NaN for a row without a code. */
  estimates(first: number, out: Float32Array): void
}

/**
 * An HNSW graph over rows. A row must keep its vector as long as a graph refers to it. Slots with equal vectors share a
 * node.
 */
export interface NativeGraph {
  /** Slots. */
  readonly count: number
  insert(slot: number, row: number): void
  /** Fills `slots` and `scores`, nearest first. @returns how many were found */
  search(query: Float32Array, ef: number, slots: Uint32Array, scores: Float32Array): number
  /** All slots. */
  slots(): Uint32Array
  /** Some of the slots as 32-bit words for a file: with links and fingerprints of the vectors. */
  nodes(from: number, to: number): Uint32Array<ArrayBuffer>
  /** Adds the next slots of a written graph. */
  take(words: Uint32Array, total: number): void
  /** Ends taking. @throws Error unless it is a sound graph of that many slots */
  check(total: number): void
  /** Assigns a vector to a slot that was taken. @returns whether its node was linked with this vector */
  attach(slot: number, row: number): boolean
  /** Ends attaching: nodes without a vector get a neighbour's, because searches still pass through them. */
  settle(): void
  /** Frees the memory now. */
  release(): void
}

export interface NativeIndex {
  Rows: new (dimension: number, rowsPerBlock: number) => NativeRows
  Codes: new (rows: NativeRows) => NativeCodes
  Graph: new (rows: NativeRows, m: number, efConstruction: number, capacity: number) => NativeGraph
}

export function fastestNativeIndex(): { build: NativeBuild; native: NativeIndex } {
  return loadFastest<NativeIndex>('alike')
}
