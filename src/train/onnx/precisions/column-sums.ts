/** What the numbers of tokens are over pictures, column by column. */

/** Over the tokens of some pictures, each [width]. */
export interface ColumnSums {
  tokens: number
  /** At most 0. */
  low: Float64Array
  /** At least 0. */
  high: Float64Array
  sum: Float64Array
  sumOfSquares: Float64Array
}

export function noTokens(width: number): ColumnSums {
  const zeros = () => new Float64Array(width)
  return { tokens: 0, low: zeros(), high: zeros(), sum: zeros(), sumOfSquares: zeros() }
}

/** @param values [tokens, width] */
export function addTokens(sums: ColumnSums, values: Float32Array): void {
  const { low, high, sum, sumOfSquares } = sums
  const width = low.length
  for (let i = 0, column = 0; i < values.length; i++) {
    const value = values[i]!
    if (value < low[column]!) low[column] = value
    else if (value > high[column]!) high[column] = value
    sum[column]! += value
    sumOfSquares[column]! += value * value
    if (++column === width) column = 0
  }
  sums.tokens += values.length / width
}

export function mergeSums(into: ColumnSums, other: ColumnSums): void {
  into.tokens += other.tokens
  for (let column = 0; column < into.low.length; column++) {
    into.low[column] = Math.min(into.low[column]!, other.low[column]!)
    into.high[column] = Math.max(into.high[column]!, other.high[column]!)
    into.sum[column]! += other.sum[column]!
    into.sumOfSquares[column]! += other.sumOfSquares[column]!
  }
}
