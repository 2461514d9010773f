/** The distribution of one activation's values over many pictures, and the range that 8 bits should cover. */

/** The interval covered by the 256 steps; it contains zero. */
export interface ValueRange {
  low: number
  high: number
}

/**
 * - `min-max`: all observed values
 * - `percentile`: all but one value in 10,000 at each end
 * - `least-error`: the clipping that minimises the sum of squared rounding and clipping errors
 */
export const rangeMethods = ['min-max', 'percentile', 'least-error'] as const
export type RangeMethod = (typeof rangeMethods)[number]

/** Even; bins are symmetric around zero. */
const binCount = 4096
const cutShare = 1e-4
const steps = 255

export interface HistogramState {
  limit: number
  counts: Float64Array<ArrayBuffer>
  low: number
  high: number
}

/**
 * Bins over [−limit, limit]; when a value lies outside, the limit doubles and pairs of bins merge. Zeros are exact in
 * every range and not counted.
 */
export class ValueHistogram {
  #limit = 2 ** -10
  #counts = new Float64Array(binCount)
  #low = 0
  #high = 0

  /** The form in which a thread sends a histogram. */
  get state(): HistogramState {
    return { limit: this.#limit, counts: this.#counts, low: this.#low, high: this.#high }
  }

  /**
   * Equivalent to adding everything the other has seen here: bins are halves of wider ones, and counts are integers.
   */
  merge({ limit, counts, low, high }: HistogramState): void {
    this.#low = Math.min(this.#low, low)
    this.#high = Math.max(this.#high, high)
    while (this.#limit < limit) this.#double()
    const other = new ValueHistogram()
    other.#limit = limit
    other.#counts = counts
    while (other.#limit < this.#limit) other.#double()
    other.#counts.forEach((count, bin) => (this.#counts[bin]! += count))
  }

  add(values: Float32Array): void {
    let [low, high] = [this.#low, this.#high]
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (value < low) low = value
      else if (value > high) high = value
    }
    if (!Number.isFinite(high - low)) throw new RangeError('an activation is not finite')
    this.#low = low
    this.#high = high
    while (Math.max(-low, high) >= this.#limit) this.#double()

    const scale = binCount / 2 / this.#limit
    const counts = this.#counts
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (value !== 0) counts[Math.floor(value * scale + binCount / 2)]!++
    }
  }

  range(method: RangeMethod): ValueRange {
    const whole = { low: this.#low, high: this.#high }
    if (method === 'min-max') return whole
    return method === 'percentile' ? this.#percentile(whole) : this.#leastError(whole)
  }

  #double(): void {
    const wider = new Float64Array(binCount)
    for (let bin = 0; bin < binCount; bin++) wider[(bin >> 1) + binCount / 4]! += this.#counts[bin]!
    this.#counts = wider
    this.#limit *= 2
  }

  #percentile({ low, high }: ValueRange): ValueRange {
    const allowed = this.#counts.reduce((sum, count) => sum + count, 0) * cutShare
    const width = (2 * this.#limit) / binCount
    let [first, last] = [0, binCount - 1]
    for (let cut = this.#counts[first]!; cut <= allowed && first < last; cut += this.#counts[first]!) first++
    for (let cut = this.#counts[last]!; cut <= allowed && first < last; cut += this.#counts[last]!) last--
    return {
      low: Math.max(low, Math.min(0, first * width - this.#limit)),
      high: Math.min(high, Math.max(0, (last + 1) * width - this.#limit)),
    }
  }

  /** Both ends shrink by the same factor: one search instead of two. */
  #leastError(whole: ValueRange): ValueRange {
    let best = { range: whole, error: Infinity }
    for (let share = 1; share > 0.2; share *= 0.97) {
      const range = { low: whole.low * share, high: whole.high * share }
      const error = this.#squaredError(range)
      if (error < best.error) best = { range, error }
    }
    return best.range
  }

  #squaredError({ low, high }: ValueRange): number {
    const rounding = ((high - low) / steps) ** 2 / 12
    const width = (2 * this.#limit) / binCount
    let error = 0
    for (let bin = 0; bin < binCount; bin++) {
      const count = this.#counts[bin]!
      if (count === 0) continue
      const value = (bin + 0.5) * width - this.#limit
      error += count * (value < low ? (low - value) ** 2 : value > high ? (value - high) ** 2 : rounding)
    }
    return error
  }
}
