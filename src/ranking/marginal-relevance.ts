/**
 * Maximal marginal relevance: hits that are relevant and unlike those already chosen. Carbonell and Goldstein,
 * "The use of MMR, diversity-based reranking for reordering documents and producing summaries", SIGIR 1998.
 */

export interface MarginalRelevanceOptions {
  /** Relevance of each candidate, best first. */
  scores: readonly number[]
  /** Likeness of two candidates, by their positions, on the same scale as `scores`. */
  between: (a: number, b: number) => number
  /** 1 − λ of the paper: 0 keeps the order of relevance, 1 asks only for what is unlike the chosen. */
  diversity: number
  /** Of each candidate: its highest likeness to what was chosen before any of these. Default: nothing was. */
  nearestChosen?: ArrayLike<number> | undefined
  /** How many to choose. */
  k: number
}

/**
 * Greedy, as in the paper: each time the candidate with the highest
 * (1 − diversity) · score − diversity · (highest likeness to a chosen one). The best candidate is chosen first unless others were,
 * and of equals the one that came first, so the same input gives the same choice.
 * @returns positions in the order of choice; a larger `k` goes on where a smaller one ended
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

/** A set keeps the order in which it was filled, so the first of equals is the most relevant. */
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
