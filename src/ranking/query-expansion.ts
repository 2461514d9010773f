/** Query expansion: the best hits of a first search help to say what is sought. Pure. */

/** A hit of the first search. */
export interface ExpandingHit {
  /** Cosine to the query. */
  score: number
  /** [dimension], unit length. */
  vector: Float32Array
}

/** Hits below 0.5 then have less than an eighth of the weight of the query. */
const alpha = 3

/**
 * αQE: Radenović, Tolias, Chum, "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2019.
 * @param query [dimension], unit length
 * @returns [dimension], unit length: the direction of query + Σ scoreᵅ · hit; hits with negative scores count for nothing
 */
export function expandedQuery(query: Float32Array, hits: Iterable<ExpandingHit>): Float32Array {
  const sum = Float64Array.from(query)
  for (const { score, vector } of hits) {
    const weight = Math.max(score, 0) ** alpha
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * vector[i]!
  }
  // at least 1: no weighted hit points away from the query
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0))
  return Float32Array.from(sum, (value) => value / length)
}
