/** Compares two rankings of the same queries: the difference in quality, with intervals. */
import { bootstrapIntervals, type Interval } from './bootstrap.js'
import { judgeQuery, type RankedLabels } from './judged-query.js'

export interface RankedTwice {
  first: RankedLabels
  second: RankedLabels
}

export interface ComparedMean {
  first: number
  second: number
  difference: number
  /** 95 %, paired resampling: hard queries are hard for both. */
  interval: Interval
}

export interface CompareOptions {
  /** Depths k of mAP@k. */
  ks: readonly number[]
  seed: number
}

const resamples = 1_000

/**
 * Numbers by name (see `judgeQuery`) that are defined for all queries with relevant pictures.
 * @returns none of them without such a query
 */
export function compareRankings(
  rankings: readonly RankedTwice[],
  { ks, seed }: CompareOptions,
): { queries: number; numbers: Map<string, ComparedMean> } {
  const judged = rankings
    .filter(({ first, second }) => first.relevant > 0 && second.relevant > 0)
    .map(({ first, second }) => [judgeQuery(first, ks), judgeQuery(second, ks)] as const)
  const columns = new Map<string, { first: Float64Array; second: Float64Array; difference: Float64Array }>()
  for (const name of judged[0]?.[0].keys() ?? []) {
    const pairs = judged.map(([first, second]) => [first.get(name) ?? null, second.get(name) ?? null] as const)
    if (pairs.some((pair) => pair.includes(null))) continue
    const [first, second] = [0, 1].map((side) => Float64Array.from(pairs, (pair) => pair[side]!)) as [
      Float64Array,
      Float64Array,
    ]
    columns.set(name, { first, second, difference: second.map((value, i) => value - first[i]!) })
  }
  const differences = new Map([...columns].map(([name, { difference }]) => [name, difference]))
  const intervals = bootstrapIntervals(differences, resamples, seed)
  const numbers = new Map(
    [...columns].map(([name, { first, second, difference }]) => [
      name,
      { first: mean(first), second: mean(second), difference: mean(difference), interval: intervals[name]! },
    ]),
  )
  return { queries: judged.length, numbers }
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
