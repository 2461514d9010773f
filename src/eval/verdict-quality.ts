/**
 * Quality of rankings according to human judgements of hits. Nothing is assumed about unjudged hits: neither that they
 * are wrong, as in measures for complete judgements, nor that they are right.
 */
import { bootstrapIntervals, type Interval } from './bootstrap.js'

/** One query's hits, best first, excluding the picture itself and copies: right, wrong, or undefined if unjudged. */
export type JudgedRanking = readonly (boolean | undefined)[]

const verdictDepth = 10

export interface VerdictNumbers {
  /** Order of the judged hits alone; null if none of them is right. */
  'ndcg@10': number | null
  /** Share of right hits among the judged of the first ten; null if none of those was judged. */
  'precision@10': number | null
  /** Share of the first ten that was judged: shows how far to trust the precision. */
  'judged@10': number
}

/**
 * With rel(i) ∈ {0,1} of the i-th judged hit, omitting unjudged ones (condensed lists: Sakai 2007, Alternatives to
 * bpref, SIGIR): DCG@10 = Σ_{i≤10} rel(i) / log2(i + 1), and nDCG@10 = DCG@10 divided by that of the best order of the
 * same hits (Järvelin and Kekäläinen 2002, ACM Trans. Inf. Syst. 20).
 */
export function judgeByVerdicts(ranking: JudgedRanking): VerdictNumbers {
  const judged = ranking.filter((verdict) => verdict !== undefined)
  const first = ranking.slice(0, verdictDepth)
  const judgedFirst = first.filter((verdict) => verdict !== undefined)
  const right = judged.filter(Boolean).length
  return {
    'ndcg@10': right === 0 ? null : gainOf(judged) / gainOf(judged.toSorted((a, b) => Number(b) - Number(a))),
    'precision@10': judgedFirst.length === 0 ? null : judgedFirst.filter(Boolean).length / judgedFirst.length,
    'judged@10': first.length === 0 ? 0 : judgedFirst.length / first.length,
  }
}

function gainOf(judged: readonly boolean[]): number {
  return judged.slice(0, verdictDepth).reduce((sum, right, i) => sum + (right ? 1 / Math.log2(i + 2) : 0), 0)
}

export interface VerdictMean {
  /** null without any query. */
  mean: number | null
  /** 95 % bootstrap over these queries. */
  interval?: Interval
  /** Number of queries in the mean: those that have the number. */
  queries: number
}

export type VerdictQuality = Record<keyof VerdictNumbers, VerdictMean>

export interface VerdictQualityOptions {
  /** Resamples for the intervals; 0 for none. Default 1,000. */
  bootstrapSamples?: number
  /** Seed of the resampling. Default 1. */
  seed?: number
}

export function qualityOfVerdicts(
  rankings: Iterable<JudgedRanking>,
  { bootstrapSamples = 1_000, seed = 1 }: VerdictQualityOptions = {},
): VerdictQuality {
  const numbers = Array.from(rankings, judgeByVerdicts)
  const meanOf = (name: keyof VerdictNumbers): VerdictMean => {
    const values = Float64Array.from(numbers.flatMap((one) => one[name] ?? []))
    if (values.length === 0) return { mean: null, queries: 0 }
    const interval = bootstrapIntervals(new Map([[name, values]]), bootstrapSamples, seed)[name]
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return { mean, ...(interval && { interval }), queries: values.length }
  }
  return { 'ndcg@10': meanOf('ndcg@10'), 'precision@10': meanOf('precision@10'), 'judged@10': meanOf('judged@10') }
}
