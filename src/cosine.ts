/** The one definition of a score: cosine similarity, used wherever a score is computed. Pure. */

/** A vector with its precomputed length. */
export interface Direction {
  readonly values: Float32Array
  /** 1 / length. */
  readonly inverseLength: number
}

/**
 * Scores this close to 1 or −1 count as 1 or −1. Half precision, the lowest precision in which a network runs, rounds a
 * value by at most a factor of 2⁻¹¹, and so rotates an embedding by an angle of at most 2⁻¹¹: two embeddings of one
 * picture are at most 2⁻¹⁰ apart, a cosine of 1 − 2⁻²¹. Twice that is allowed for, slightly less than 10⁻⁶.
 */
export const scoreTolerance = 2 ** -20

/** @param values not all zero */
export function directionOf(values: Float32Array): Direction {
  return { values, inverseLength: inverseLengthOf(values, 0, values.length) }
}

/** For `dimension` values starting at `offset`. Embeddings have unit length only up to rounding by their network. */
export function inverseLengthOf(values: Float32Array, offset: number, dimension: number): number {
  return 1 / Math.sqrt(dot(values.subarray(offset, offset + dimension), values, offset))
}

/** −1 to 1, for two vectors of equal dimension that are not all zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return cosineTo(directionOf(a), b, 0, inverseLengthOf(b, 0, b.length))
}

/** The same, for a vector at `offset` in a larger array whose length is known. */
export function cosineTo(a: Direction, values: Float32Array, offset: number, inverseLength: number): number {
  return cosineOfProduct(dot(a.values, values, offset), a, inverseLength)
}

/** The same, for a scalar product that is known (as `dot` computes it). */
export function cosineOfProduct(product: number, a: Direction, inverseLength: number): number {
  const score = product * a.inverseLength * inverseLength
  return score > 1 - scoreTolerance ? 1 : score < scoreTolerance - 1 ? -1 : score
}

/**
 * Float32 values from `offset` on, summed in float64, always in the same order, so that equal pictures have equal
 * scores.
 */
export function dot(a: Float32Array, values: Float32Array, offset: number): number {
  const dimension = a.length
  const whole = dimension - (dimension % 4)
  let p = 0
  let q = 0
  let r = 0
  let s = 0
  for (let i = 0; i < whole; i += 4) {
    p += a[i]! * values[offset + i]!
    q += a[i + 1]! * values[offset + i + 1]!
    r += a[i + 2]! * values[offset + i + 2]!
    s += a[i + 3]! * values[offset + i + 3]!
  }
  for (let i = whole; i < dimension; i++) p += a[i]! * values[offset + i]!
  return p + q + (r + s)
}
