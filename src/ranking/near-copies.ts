/** Decides which hits are near-copies of a better one, from the best downwards: a copy of an omitted copy stays. */

export interface CopyBlock {
  /** [count, kept + count]: similarity of each candidate to those kept earlier, then to all candidates of the block. */
  likeness: Float32Array
  count: number
  kept: number
  /** Two pictures with at least this similarity are near-copies. */
  duplicateScore: number
}

/** @returns positions in the block of the candidates that are not near-copies, ascending */
export function withoutCopies({ likeness, count, kept, duplicateScore }: CopyBlock): number[] {
  const columns = kept + count
  const stay: number[] = []
  for (let candidate = 0; candidate < count; candidate++) {
    const row = likeness.subarray(candidate * columns, (candidate + 1) * columns)
    const isCopy =
      row.subarray(0, kept).some((score) => score >= duplicateScore) ||
      stay.some((better) => row[kept + better]! >= duplicateScore)
    if (!isCopy) stay.push(candidate)
  }
  return stay
}
