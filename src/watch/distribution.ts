/** Distributions as counts in equal bins of [0, 1], and how far one has drifted from another. */

export const parts = 20

/** Values outside count in the first or last bin. */
export function partOf(value: number): number {
  return Math.min(parts - 1, Math.max(0, Math.floor(value * parts)))
}

/**
 * Population stability index: Σ (observed − expected) · ln(observed / expected) over the bins, in shares. By convention
 * below 0.1 means no drift, above 0.25 strong drift. Half a count is added to each bin, so that an empty one does not
 * make it infinite.
 */
export function stabilityIndex(expected: readonly number[], found: readonly number[]): number {
  const shares = (counts: readonly number[]) => {
    const total = counts.reduce((sum, count) => sum + count + 0.5, 0)
    return counts.map((count) => (count + 0.5) / total)
  }
  const [before, now] = [shares(expected), shares(found)]
  return before.reduce((sum, share, i) => sum + (now[i]! - share) * Math.log(now[i]! / share), 0)
}
