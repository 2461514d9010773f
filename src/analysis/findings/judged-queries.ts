/** The queries of an evaluation with the worst results, and the labels confused with each other. */
import { type QueryQuality, type RankedLabels, votedLabel } from '../../eval/judged-query.js'
import type { QualityReport } from './quality-report.js'

const worstMax = 50
const confusionsMax = 500

type Worst = NonNullable<QualityReport['worst']>[number]
type Confusion = NonNullable<QualityReport['confusions']>[number]

export interface JudgedQueries {
  /** To be passed to an evaluation as `onJudged`. */
  add(place: number, ranking: RankedLabels, quality: QueryQuality): void
  report(): { worst: Worst[]; confusions: Confusion[] }
}

/** @param ids of the queries, by place */
export function judgedQueries(ids: readonly string[]): JudgedQueries {
  const queries: Worst[] = []
  const confusions = new Map<string, Confusion>()
  return {
    add(place, { label, ranked }, quality) {
      const voted = votedLabel(ranked)
      queries.push({
        id: ids[place]!,
        label,
        'mAP@10': quality.get('mAP@10') ?? 0,
        firstRank: quality.get('firstRank') ?? null,
        votedLabel: voted,
      })
      if (voted === null || voted === label) return
      const key = JSON.stringify([label, voted])
      const known = confusions.get(key) ?? { label, votedLabel: voted, queries: 0 }
      confusions.set(key, { ...known, queries: known.queries + 1 })
    },
    report: () => ({
      worst: queries.sort(byFare).slice(0, worstMax),
      confusions: [...confusions.values()]
        .sort((a, b) => b.queries - a.queries || compare(a.label, b.label) || compare(a.votedLabel, b.votedLabel))
        .slice(0, confusionsMax),
    }),
  }
}

/** With equal precision, the query whose first right hit ranks lower is worse. */
function byFare(a: Worst, b: Worst): number {
  return a['mAP@10'] - b['mAP@10'] || (b.firstRank ?? Infinity) - (a.firstRank ?? Infinity) || compare(a.id, b.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
