/** Coarse codes of the vector rows that have one, in blocks that mirror the vectors' blocks. */
import { CoarseCodes, type CoarseQuery } from './coarse-codes.js'

interface CodedChunk {
  /** [rowsPerChunk, bytes] */
  codes: Uint8Array
  /** [rowsPerChunk] factor for the estimate; 0 for a row without a code. */
  factors: Float32Array
}

export class RowCodes {
  readonly #coarse: CoarseCodes
  readonly #rowsPerChunk: number
  #chunks: (CodedChunk | undefined)[] = []
  #size = 0

  constructor(dimension: number, rowsPerChunk: number) {
    this.#coarse = new CoarseCodes(dimension)
    this.#rowsPerChunk = rowsPerChunk
  }

  /** Rows with a code. */
  get size(): number {
    return this.#size
  }

  has(row: number): boolean {
    const chunk = this.#chunks[Math.floor(row / this.#rowsPerChunk)]
    return chunk !== undefined && chunk.factors[row % this.#rowsPerChunk] !== 0
  }

  /** @param values the row's vector begins at `offset` */
  set(row: number, values: Float32Array, offset: number): void {
    const { bytes } = this.#coarse
    const chunk = (this.#chunks[Math.floor(row / this.#rowsPerChunk)] ??= {
      codes: new Uint8Array(this.#rowsPerChunk * bytes),
      factors: new Float32Array(this.#rowsPerChunk),
    })
    const place = row % this.#rowsPerChunk
    if (chunk.factors[place] === 0) this.#size++
    chunk.factors[place] = this.#coarse.encode(values, offset, chunk.codes, place * bytes)
  }

  /** Call it before the row holds another vector. */
  clear(row: number): void {
    if (!this.has(row)) return
    this.#chunks[Math.floor(row / this.#rowsPerChunk)]!.factors[row % this.#rowsPerChunk] = 0
    this.#size--
  }

  clearAll(): void {
    this.#chunks = []
    this.#size = 0
  }

  query(values: Float32Array): CoarseQuery {
    return this.#coarse.query(values)
  }

  /** The estimated scalar product; undefined for a row without a code. */
  estimate(query: CoarseQuery, row: number): number | undefined {
    const chunk = this.#chunks[Math.floor(row / this.#rowsPerChunk)]
    if (chunk === undefined) return undefined
    const place = row % this.#rowsPerChunk
    const factor = chunk.factors[place]!
    return factor === 0 ? undefined : factor * this.#coarse.estimate(query, chunk.codes, place * this.#coarse.bytes)
  }
}
