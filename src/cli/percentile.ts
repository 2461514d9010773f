/** Order statistics of measured durations. */

/**
 * Smallest value with at least this share of the values at or below it (nearest rank); NaN for none.
 * @param share 0..1
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
