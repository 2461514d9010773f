/** Requirements for a vector that is stored or searched for. */
import { dot } from '../cosine.js'
import { AlikeError } from '../errors.js'

/** How far the length may deviate from 1: float16 networks round by about 10⁻³. */
const lengthTolerance = 5e-3

/** @throws AlikeError `dimension_mismatch`; `request_invalid` if it is not finite or not of unit length */
export function expectUnitVector(vector: Float32Array, dimension: number): void {
  if (vector.length !== dimension) {
    throw new AlikeError('dimension_mismatch', { detail: `It has ${vector.length} values instead of ${dimension}.` })
  }
  // NaN also fails this comparison.
  if (!(Math.abs(Math.sqrt(dot(vector, vector, 0)) - 1) <= lengthTolerance)) {
    const detail = vector.every(Number.isFinite) ? 'is not of unit length' : 'has values that are not finite'
    throw new AlikeError('request_invalid', { detail: `The vector ${detail}.` })
  }
}
