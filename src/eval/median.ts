/** @returns the middle value, the mean of the two middle ones of an even number; NaN of none */
export function median(values: Iterable<number>): number {
  const ascending = Float64Array.from(values).sort()
  const { length } = ascending
  return length === 0 ? NaN : (ascending[(length - 1) >> 1]! + ascending[length >> 1]!) / 2
}
