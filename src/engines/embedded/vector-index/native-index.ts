/**
 * Loads the addon that holds vectors and graphs (`native/`). `npm ci` compiles it against hnswlib's headers in two builds:
 * a portable one, and one for processors with AVX2 and FMA, which crashes on any other. See ADR 0018.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

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

export type NativeBuild = 'avx2' | 'portable'

const require = createRequire(import.meta.url)

/** @throws Error if this build is missing */
export function loadNativeIndex(build: NativeBuild): NativeIndex {
  return require(
    join(dirname(require.resolve('hnswlib-node/package.json')), `build/alike-${build}.node`),
  ) as NativeIndex
}

/** Whether every core has the instructions of the faster build. @param cpuinfo content of /proc/cpuinfo */
export function hasAvx2(cpuinfo: string): boolean {
  const cores = [...cpuinfo.matchAll(/^flags\s*:(.*)$/gm)].map(([, flags = '']) => new Set(flags.split(/\s+/)))
  return cores.length > 0 && cores.every((flags) => flags.has('avx2') && flags.has('fma'))
}

/** The faster build, if the processor supports it and it is installed. */
export function fastestNativeIndex(): { build: NativeBuild; native: NativeIndex } {
  try {
    if (hasAvx2(readFileSync('/proc/cpuinfo', 'latin1'))) return { build: 'avx2', native: loadNativeIndex('avx2') }
  } catch {
    // missing file or build: fall back to the portable one
  }
  try {
    return { build: 'portable', native: loadNativeIndex('portable') }
  } catch (cause) {
    throw new Error('The index addon is missing: node src/cli/check-install.mjs compiles it.', { cause })
  }
}
