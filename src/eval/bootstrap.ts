/** Percentile bootstrap: how far the mean over these queries may deviate from that over similar ones. */
import { seededRandom } from './random.js'

/** Low and high end, 2.5 % and 97.5 %. */
export type Interval = [low: number, high: number]

/**
 * 95 % interval of the mean of each column; rows are resampled together, with replacement.
 * @param columns name → one value per row, all of the same length
 */
export function bootstrapIntervals(
  columns: ReadonlyMap<string, Float64Array>,
  samples: number,
  seed: number,
): Record<string, Interval> {
  const rows = columns.values().next().value?.length ?? 0
  if (rows === 0 || samples === 0) return {}
  const random = seededRandom(seed)
  const means = new Map([...columns.keys()].map((name) => [name, new Float64Array(samples)]))
  const drawn = new Uint32Array(rows)
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < rows; i++) drawn[i] = Math.floor(random() * rows)
    for (const [name, values] of columns) {
      let sum = 0
      for (let i = 0; i < rows; i++) sum += values[drawn[i]!]!
      means.get(name)![sample] = sum / rows
    }
  }
  return Object.fromEntries([...means].map(([name, values]) => [name, middle95(values.sort())]))
}

function middle95(sorted: Float64Array): Interval {
  const last = sorted.length - 1
  return [sorted[Math.round(0.025 * last)]!, sorted[Math.round(0.975 * last)]!]
}
