/** Principal components by subspace iteration: the directions of largest variance. Pure. */
import { seededRandom } from '../../eval/random.js'

/** Maximum rows used to determine the directions; of more, every n-th. */
const rowsMax = 4_000
const iterations = 24

interface Rows {
  /** [n, dimension] */
  vectors: Float32Array
  dimension: number
}

/**
 * @param options.wanted components, at most `dimension`
 * @param options.onStep called between pieces of work; throwing ends it
 * @returns [n, wanted], each row a centred vector in these directions, largest variance first
 */
export function principalComponents(
  { vectors, dimension }: Rows,
  { wanted, seed, onStep }: { wanted: number; seed: number; onStep: () => void },
): Float32Array {
  const count = vectors.length / dimension
  const mean = meanOf(vectors, dimension)
  const covariance = covarianceOf({ vectors, dimension }, mean, Math.max(1, Math.ceil(count / rowsMax)), onStep)
  const random = seededRandom(seed)
  let basis = orthonormal(
    Float64Array.from({ length: wanted * dimension }, () => random() - 0.5),
    dimension,
  )
  for (let i = 0; i < iterations; i++) {
    basis = orthonormal(product(basis, covariance, dimension), dimension)
    onStep()
  }
  const components = new Float32Array(count * wanted)
  for (let row = 0; row < count; row++) {
    if (row % 1_000 === 0) onStep()
    for (let component = 0; component < wanted; component++) {
      let sum = 0
      for (let i = 0; i < dimension; i++)
        sum += (vectors[row * dimension + i]! - mean[i]!) * basis[component * dimension + i]!
      components[row * wanted + component] = sum
    }
  }
  return components
}

function meanOf(vectors: Float32Array, dimension: number): Float64Array {
  const mean = new Float64Array(dimension)
  for (let i = 0; i < vectors.length; i++) mean[i % dimension]! += vectors[i]!
  return mean.map((sum) => (sum * dimension) / Math.max(1, vectors.length))
}

/** [dimension, dimension], from every `stride`-th row; unnormalised. */
function covarianceOf(
  { vectors, dimension }: Rows,
  mean: Float64Array,
  stride: number,
  onStep: () => void,
): Float64Array {
  const covariance = new Float64Array(dimension * dimension)
  const centred = new Float64Array(dimension)
  for (let row = 0; row * dimension < vectors.length; row += stride) {
    if (row % 100 === 0) onStep()
    for (let i = 0; i < dimension; i++) centred[i] = vectors[row * dimension + i]! - mean[i]!
    for (let i = 0; i < dimension; i++)
      for (let j = 0; j <= i; j++) covariance[i * dimension + j]! += centred[i]! * centred[j]!
  }
  for (let i = 0; i < dimension; i++)
    for (let j = i + 1; j < dimension; j++) covariance[i * dimension + j] = covariance[j * dimension + i]!
  return covariance
}

/** Rows times the symmetric matrix. */
function product(rows: Float64Array, matrix: Float64Array, dimension: number): Float64Array {
  const result = new Float64Array(rows.length)
  for (let row = 0; row < rows.length; row += dimension)
    for (let i = 0; i < dimension; i++) {
      let sum = 0
      for (let j = 0; j < dimension; j++) sum += rows[row + j]! * matrix[i * dimension + j]!
      result[row + i] = sum
    }
  return result
}

/** Gram–Schmidt, in place; a row that depends linearly on earlier ones becomes 0. */
function orthonormal(rows: Float64Array, dimension: number): Float64Array {
  const dot = (a: number, b: number) => {
    let sum = 0
    for (let i = 0; i < dimension; i++) sum += rows[a + i]! * rows[b + i]!
    return sum
  }
  for (let row = 0; row < rows.length; row += dimension) {
    for (let before = 0; before < row; before += dimension) {
      const share = dot(row, before)
      for (let i = 0; i < dimension; i++) rows[row + i]! -= share * rows[before + i]!
    }
    const length = Math.sqrt(dot(row, row))
    for (let i = 0; i < dimension; i++) rows[row + i] = length > 1e-12 ? rows[row + i]! / length : 0
  }
  return rows
}
