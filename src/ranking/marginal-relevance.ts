/**
 * Maximal marginal relevance: selects hits that are relevant and unlike those already selected. Carbonell and
 * Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries", SIGIR 1998.
 */

export interface MarginalRelevanceOptions {
  /** Relevance of each candidate, best first. */
  scores: readonly number[]
  /** Similarity of two candidates, by position, on the same scale as `scores`. */
  between: (a: number, b: number) => number
  /** 1 − λ of the paper: 0 keeps the order of relevance, 1 considers only dissimilarity to the selected ones. */
  diversity: number
  /** For each candidate, its highest similarity to earlier selections. Default: none. */
  nearestChosen?: ArrayLike<number> | undefined
  /** Number to select. */
  k: number
}

/**
 * Greedy, as in the paper: repeatedly selects the candidate with the highest (1 − diversity) · score − diversity ·
 * (highest similarity to a selected one). Without earlier selections the best candidate comes first; on a tie the first
 * one wins, so the result is deterministic.
 * @returns positions in the order of selection; a larger `k` continues where a smaller one ended
 */
export function chooseDiverse({
  scores,
  between,
  diversity,
  nearestChosen: before,
  k,
}: MarginalRelevanceOptions): number[] {
  const left = new Set(scores.keys())
  const nearestChosen =
    before === undefined ? new Float64Array(scores.length).fill(-Infinity) : Float64Array.from(before)
  const chosen: number[] = []
  while (chosen.length < k && left.size > 0) {
    const next =
      before === undefined && chosen.length === 0
        ? 0
        : bestOf(left, (i) => (1 - diversity) * scores[i]! - diversity * nearestChosen[i]!)
    left.delete(next)
    chosen.push(next)
    for (const i of left) nearestChosen[i] = Math.max(nearestChosen[i]!, between(i, next))
  }
  return chosen
}

/** A set keeps insertion order, so the first among equals is the most relevant. */
function bestOf(left: ReadonlySet<number>, value: (i: number) => number): number {
  let best = -1
  let bestValue = -Infinity
  for (const i of left) {
    const own = value(i)
    if (own <= bestValue) continue
    best = i
    bestValue = own
  }
  return best
}
