/** Distributions as counts in equal parts of [0, 1], and how far one has moved from another. */

export const parts = 20

/** What lies outside counts to the first or the last part. */
export function partOf(value: number): number {
  return Math.min(parts - 1, Math.max(0, Math.floor(value * parts)))
}

/**
 * Population stability index: Σ (found − expected) · ln(found / expected) over the parts, of shares. By convention under
 * 0.1 nothing has moved, over 0.25 much has. Half a count is added to each part, so that an empty one does not make it
 * infinite.
 */
export function stabilityIndex(expected: readonly number[], found: readonly number[]): number {
  const shares = (counts: readonly number[]) => {
    const total = counts.reduce((sum, count) => sum + count + 0.5, 0)
    return counts.map((count) => (count + 0.5) / total)
  }
  const [before, now] = [shares(expected), shares(found)]
  return before.reduce((sum, share, i) => sum + (now[i]! - share) * Math.log(now[i]! / share), 0)
}
