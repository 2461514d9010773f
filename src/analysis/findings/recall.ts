/** Measures the recall of the index against the exact answer. */
import { inverseLengthOf } from '../../cosine.js'
import { scoreRows } from '../../eval/ranking.js'

/**
 * Scores here and in the index differ by rounding, and among pictures tied for the last place any will do: a neighbour
 * counts as right if it scores at least as high as the true last one (as in ANN-Benchmarks, Aumüller, Bernhardsson,
 * Faithfull 2020).
 */
const scoreTolerance = 1e-6

/**
 * For each query the score of its k-th best neighbour, or of its last if there are fewer; −Infinity if there are none.
 * @param images [n, dimension] vectors
 * @param queries row indices
 * @param onQuery called after each; throwing ends it
 */
export function kthScores(
  { vectors, dimension }: { vectors: Float32Array; dimension: number },
  queries: Uint32Array,
  k: number,
  onQuery?: () => void,
): Float32Array {
  const scores = new Float32Array(vectors.length / dimension)
  const inverseLengths = Float64Array.from(scores, (_, row) => inverseLengthOf(vectors, row * dimension, dimension))
  return Float32Array.from(queries, (query) => {
    scoreRows(vectors.subarray(query * dimension, (query + 1) * dimension), vectors, scores)
    for (let row = 0; row < scores.length; row++) {
      const score = scores[row]! * inverseLengths[row]! * inverseLengths[query]!
      // a picture that was removed while the gallery was read has no vector
      scores[row] = Number.isNaN(score) ? -Infinity : score
    }
    scores[query] = -Infinity
    onQuery?.()
    return kthLargest(scores, Math.min(k, scores.length - 1))
  })
}

/**
 * @param counts [queries] number found for each;
 * @param found [queries, k] their scores, best first;
 * @param truths from `kthScores`
 */
export function recallOf({
  counts,
  found,
  truths,
  k,
  others,
}: {
  counts: Uint32Array
  found: Float32Array
  truths: Float32Array
  k: number
  /** Pictures that each query could have found. */
  others: number
}): number | null {
  const wanted = Math.min(k, others)
  if (truths.length === 0 || wanted === 0) return null
  let right = 0
  truths.forEach((truth, query) => {
    const count = Math.min(counts[query]!, wanted)
    for (let i = 0; i < count; i++) right += Number(found[query * k + i]! >= truth - scoreTolerance)
  })
  return right / (truths.length * wanted)
}

/** Leaves the values unchanged; k is small compared with their number. */
function kthLargest(values: Float32Array, k: number): number {
  if (k < 1) return -Infinity
  // ascending; the first is the threshold
  const best = new Float32Array(k).fill(-Infinity)
  for (const value of values) {
    if (value <= best[0]!) continue
    let i = 0
    while (i + 1 < k && best[i + 1]! < value) best[i] = best[++i]!
    best[i] = value
  }
  return best[0]!
}
