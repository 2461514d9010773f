/** Which hits are near-copies of a better one. Decided from the best downwards: a copy of a copy that is left out stays. */

export interface CopyBlock {
  /** [count, kept + count]: likeness of each candidate to those kept before, then to all candidates of the block. */
  likeness: Float32Array
  count: number
  kept: number
  /** Two pictures at least so alike are near-copies. */
  duplicateScore: number
}

/** @returns positions within the block of the candidates that are no near-copies, ascending */
export function withoutCopies({ likeness, count, kept, duplicateScore }: CopyBlock): number[] {
  const columns = kept + count
  const stay: number[] = []
  for (let candidate = 0; candidate < count; candidate++) {
    const row = likeness.subarray(candidate * columns, (candidate + 1) * columns)
    const isCopy = row.subarray(0, kept).some((score) => score >= duplicateScore) || stay.some((better) => row[kept + better]! >= duplicateScore)
    if (!isCopy) stay.push(candidate)
  }
  return stay
}

/** For rounding, in radians; far smaller than any angle between two different pictures. */
const angleSlack = 1e-3

/**
 * By the triangle inequality of angles, a near-copy lies about as far from the query as its original, so only the end
 * of the kept hits can be the original of a candidate that comes after them.
 * @param scores of the kept hits against the query, falling
 * @param best score of the best candidate that is yet to be compared
 * @returns the position of the first kept hit that has to be compared
 */
export function firstComparable(scores: readonly number[], best: number, duplicateScore: number): number {
  const nearest = Math.acos(clamp(best)) - Math.acos(clamp(duplicateScore)) - angleSlack
  const first = scores.findIndex((score) => Math.acos(clamp(score)) >= nearest)
  return first === -1 ? scores.length : first
}

function clamp(cosine: number): number {
  return Math.max(-1, Math.min(1, cosine))
}
