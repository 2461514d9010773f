/** The one cosine: what a score is, wherever one is computed. Pure. */

/** A vector whose length was measured once. */
export interface Direction {
  readonly values: Float32Array
  /** 1 / length. */
  readonly inverseLength: number
}

/**
 * Scores that lie so near to 1 or −1 are 1 or −1. Half precision, the coarsest in which a network computes, rounds a
 * value by a share of 2⁻¹¹ at most, and so turns an embedding by an angle of at most 2⁻¹¹: two embeddings of one
 * picture are at most 2⁻¹⁰ apart, a cosine of 1 − 2⁻²¹. Twice that is allowed for; it is a little less than 10⁻⁶.
 */
export const scoreTolerance = 2 ** -20

/** @param values not all zero */
export function directionOf(values: Float32Array): Direction {
  return { values, inverseLength: inverseLengthOf(values, 0, values.length) }
}

/** Of the `dimension` values from `offset` on. Embeddings are of unit length only as far as their network rounds. */
export function inverseLengthOf(values: Float32Array, offset: number, dimension: number): number {
  return 1 / Math.sqrt(dot(values.subarray(offset, offset + dimension), values, offset))
}

/** −1 to 1, of two vectors of one dimension that are not all zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return cosineTo(directionOf(a), b, 0, inverseLengthOf(b, 0, b.length))
}

/** The same, of a vector that lies at `offset` in larger memory and whose length is known. */
export function cosineTo(a: Direction, values: Float32Array, offset: number, inverseLength: number): number {
  const score = dot(a.values, values, offset) * a.inverseLength * inverseLength
  return score > 1 - scoreTolerance ? 1 : score < scoreTolerance - 1 ? -1 : score
}

/** Float32 values from `offset` on, float64 sum, always in the same order, so that equal pictures have equal scores. */
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
