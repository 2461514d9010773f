/** Retrieval quality over many queries: means, per class, with bootstrap intervals. */

import { bootstrapIntervals, type Interval } from './bootstrap.js'
import { judgeQuery, type QueryQuality, type RankedLabels, recallDepths } from './judged-query.js'
import { median } from './median.js'
import { type LabelledEmbeddings, RankedGallery } from './ranking.js'

export interface QualityOptions {
  /** Exclude the query and its duplicate group from its own gallery; false only for `seedCompat`. Default true. */
  excludeOwnGroup?: boolean
  /** Number of best hits that expand each query, see `expandedQuery`. Default 0. */
  expand?: number | undefined
  /** Called after each ranking; throwing ends the evaluation. */
  onRanked?: (() => void) | undefined
  /** Called for each query that counts, with its index among the rankings and its quality. */
  onJudged?: (place: number, ranking: RankedLabels, quality: QueryQuality) => void
  /** Depths k of mAP@k. Default 1, 10, 50. */
  ks?: readonly number[]
  /** Resamples for the 95 % intervals; 0 for none. Default 1,000. */
  bootstrapSamples?: number
  /** Seed of the resampling. Default 1. */
  seed?: number
}

/** Means over queries by name (see `judgeQuery`), and `medianFirstRank`; null if not defined for every query. */
export interface QualityNumbers {
  [name: `mAP@${number}` | `recall@${number}`]: number | null
  'mAP@R': number | null
  rPrecision: number | null
  mrr: number | null
  medianFirstRank: number | null
  meanRank: number | null
  normalisedMeanRank: number | null
  knnAccuracy: number | null
}

export interface RetrievalQuality {
  /** Queries that count: those with at least one relevant picture. */
  queries: number
  /** Queries excluded because nothing in the gallery is relevant. */
  queriesWithoutRelevant: number
  overall: QualityNumbers
  /** 95 % bootstrap over queries, for every defined mean in `overall`. */
  intervals: Record<string, Interval>
  perClass: Record<string, QualityNumbers & { queries: number }>
}

/** Ranks the whole gallery exactly for every query and evaluates all rankings. */
export function evaluateRetrieval(
  queries: LabelledEmbeddings,
  gallery: LabelledEmbeddings,
  options: QualityOptions = {},
): RetrievalQuality {
  return qualityOfRankings(rankAll(queries, gallery, options), options)
}

/** One ranking at a time: all together would need queries × gallery of memory. */
function* rankAll(
  queries: LabelledEmbeddings,
  gallery: LabelledEmbeddings,
  options: QualityOptions,
): Iterable<RankedLabels> {
  const { excludeOwnGroup = true, expand, onRanked } = options
  const prepared = new RankedGallery(gallery)
  for (const [query, label] of queries.labels.entries()) {
    const positions = prepared.rank(queries, query, { excludeOwnGroup, expand })
    const ranked = Array.from(positions, (position) => gallery.labels[position]!)
    yield { label, ranked, relevant: ranked.filter((found) => found === label).length, candidates: ranked.length }
    onRanked?.()
  }
}

/** The same numbers for external rankings, such as those of a running service. */
export function qualityOfRankings(rankings: Iterable<RankedLabels>, options: QualityOptions = {}): RetrievalQuality {
  const { ks = [1, 10, 50], bootstrapSamples = 1000, seed = 1, onJudged } = options
  const qualities: QueryQuality[] = []
  const byClass = new Map<string, QueryQuality[]>()
  let queriesWithoutRelevant = 0
  let place = -1
  for (const ranking of rankings) {
    place++
    if (ranking.relevant === 0) {
      queriesWithoutRelevant++
      continue
    }
    const quality = judgeQuery(ranking, ks)
    onJudged?.(place, ranking, quality)
    qualities.push(quality)
    const own = byClass.get(ranking.label)
    if (own === undefined) byClass.set(ranking.label, [quality])
    else own.push(quality)
  }
  const classes = [...byClass].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    queries: qualities.length,
    queriesWithoutRelevant,
    overall: summarise(qualities, ks),
    intervals: intervalsOf(qualities, bootstrapSamples, seed),
    perClass: Object.fromEntries(
      classes.map(([label, own]) => [label, { queries: own.length, ...summarise(own, ks) }]),
    ),
  }
}

function summarise(qualities: readonly QueryQuality[], ks: readonly number[]): QualityNumbers {
  const mean = (name: string) => meanOf(valuesOf(qualities, name))
  const atDepth = [...ks.map((k) => `mAP@${k}`), ...recallDepths.map((k) => `recall@${k}`)]
  return {
    ...Object.fromEntries(atDepth.map((name) => [name, mean(name)])),
    'mAP@R': mean('mAP@R'),
    rPrecision: mean('rPrecision'),
    mrr: mean('mrr'),
    medianFirstRank: medianOf(valuesOf(qualities, 'firstRank')),
    meanRank: mean('meanRank'),
    normalisedMeanRank: mean('normalisedMeanRank'),
    knnAccuracy: mean('knnAccuracy'),
  }
}

function intervalsOf(qualities: readonly QueryQuality[], samples: number, seed: number): Record<string, Interval> {
  const columns = new Map<string, Float64Array>()
  for (const name of qualities[0]?.keys() ?? []) {
    const values = valuesOf(qualities, name)
    // the first rank is reported by its median and, as `mrr`, by the mean of its inverse
    if (values !== null && name !== 'firstRank') columns.set(name, values)
  }
  return bootstrapIntervals(columns, samples, seed)
}

/** The values of one name for every query; null if there are none or one is undefined. */
function valuesOf(qualities: readonly QueryQuality[], name: string): Float64Array | null {
  const values = qualities.map((quality) => quality.get(name) ?? null)
  return values.length === 0 || values.includes(null) ? null : Float64Array.from(values as number[])
}

function meanOf(values: Float64Array | null): number | null {
  return values === null ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

function medianOf(values: Float64Array | null): number | null {
  return values === null ? null : median(values)
}
