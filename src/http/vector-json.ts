/** An embedding in JSON: numbers, or base64, which takes less than half of the bytes and a fraction of the time. */
import { bytesOfBase64 } from '../image/base64.js'
import { type JsonVector, type VectorFormat, vectorMaxBytes } from './schemas/vector-format.js'
import type { Invalid } from './validation.js'

/** Decimals that are tried, as powers of ten. */
const scales = [1e8, 1e9, 1e10]
/** Any number in single precision can be restored from as many (IEEE 754). */
const significantDigits = 9

export function writeVector(vector: Float32Array, format: VectorFormat = 'numbers'): JsonVector {
  if (format === 'numbers') return Array.from(vector, shortened)
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}

/** The same number with so few digits that it is still the same in single precision: a little more than half as long. */
function shortened(value: number): number {
  for (const scale of scales) {
    const rounded = Math.round(value * scale) / scale
    if (Math.fround(rounded) === value) return rounded
  }
  return Number(value.toPrecision(significantDigits))
}

/** Written when its turn comes: all hits' embeddings at once would occupy the main thread. */
export class LateVector {
  readonly #vector: Float32Array
  readonly #format: VectorFormat | undefined

  constructor(vector: Float32Array, format: VectorFormat | undefined) {
    this.#vector = vector
    this.#format = format
  }

  toJSON(): JsonVector {
    return writeVector(this.#vector, this.#format)
  }
}

/** In either format. @throws RequestInvalid if it is text other than base64 of float32 numbers */
export function readVector(given: JsonVector, invalid: Invalid): Float32Array {
  if (typeof given !== 'string') return Float32Array.from(given)
  const bytes = bytesOfBase64(given, vectorMaxBytes)
  if (bytes === undefined) throw invalid('vector', 'is not base64')
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0)
    throw invalid('vector', `must be base64 of float32 numbers, 4 bytes each, but has ${bytes.length} bytes`)
  // a copy, because those of a pool begin anywhere
  return new Float32Array(Uint8Array.from(bytes).buffer)
}
