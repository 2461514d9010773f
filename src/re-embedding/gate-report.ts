/** What is found when a gallery's two sets are judged side by side, and whether the other one may serve. Pure. */
import type { Interval } from '../eval/bootstrap.js'

/** One number of both sets on the same queries; the interval is that of the difference, the other one less the one that serves. */
export interface ComparedNumber {
  serving: number
  other: number
  difference: number
  /** 95 %, by resampling queries in pairs. */
  interval: Interval
}

export const comparedNames = ['mAP@1', 'mAP@10', 'mAP@50', 'normalisedMeanRank'] as const
export type ComparedName = (typeof comparedNames)[number]

export interface GateMeasures {
  /** Stored pictures that were queries of the labels, and pictures that they were ranked among; 0 where the gallery has too few labels. */
  queries: number
  candidates: number
  /** Of those, pictures that the other set does not have; left out in reports of before. */
  missing?: number
  quality: Partial<Record<ComparedName, ComparedNumber>>
  /** Of the ten best hits of a query, the share that both sets show; null for an empty gallery. */
  overlapAt10: number | null
  overlapQueries: number
  /** On pictures that were searched with lately; left out in reports of before, null: none are kept. */
  replay?: { queries: number; overlapAt10: number } | null
  /** Of near-copies, told by pixels, the share among the ten best hits; null where there are none. */
  copiesFound: { serving: number; other: number; copies: number } | null
}

export interface GateBounds {
  /** How much lower mAP@10 may be, at the worse end of its interval. */
  gateMapLossMax: number
  /** Maximum increase of the normalised mean rank, at the worse end of its interval. */
  gateRankLossMax: number
  /** Least overlap@10 of a gallery without labels. */
  gateOverlapMin: number
  /** Least overlap@10 on kept queries of a gallery whose labels decide. */
  gateReplayOverlapMin: number
  /** How much fewer near-copies may be found. */
  gateCopiesLossMax: number
}

export interface GateReport extends GateMeasures {
  /** ISO 8601. */
  judgedAt: string
  /** Of the set that served then. */
  servingModelId: string
  seed: number
  passed: boolean
  /** Why not, one sentence each. */
  reasons: string[]
}

/** Queries with a label from which the labels decide; a few alike ones would pass anything. */
const labelledQueriesMin = 30

/** Kept queries from which their overlap counts. */
const replayedQueriesMin = 10

/** Why the other set should not serve; empty: it may. */
export function reasonsAgainst(measures: GateMeasures, bounds: GateBounds): string[] {
  const { queries, quality, overlapAt10, copiesFound } = measures
  const reasons: string[] = []
  const [map, rank] = [quality['mAP@10'], quality.normalisedMeanRank]
  if (map !== undefined && map.interval[0] < -bounds.gateMapLossMax)
    reasons.push(`mAP@10 may be lower by ${told(-map.interval[0])}; ${told(bounds.gateMapLossMax)} is allowed.`)
  if (rank !== undefined && rank.interval[1] > bounds.gateRankLossMax)
    reasons.push(
      `The normalised mean rank may be higher by ${told(rank.interval[1])}; ${told(bounds.gateRankLossMax)} is allowed.`,
    )
  // with labels it is known which of the two is right where they differ
  const decides = map !== undefined && queries >= labelledQueriesMin
  if (!decides && overlapAt10 !== null && overlapAt10 < bounds.gateOverlapMin) {
    const without = queries === 0 ? 'without labels' : `with no more than ${queries} labelled queries`
    reasons.push(`Overlap@10 is ${told(overlapAt10)}; ${without} at least ${told(bounds.gateOverlapMin)} is needed.`)
  }
  // what is asked may be of another kind than what is stored and labelled
  const { replay } = measures
  const overlapMin = decides ? bounds.gateReplayOverlapMin : bounds.gateOverlapMin
  if (replay && replay.queries >= replayedQueriesMin && replay.overlapAt10 < overlapMin)
    reasons.push(
      `Overlap@10 on ${replay.queries} kept queries is ${told(replay.overlapAt10)}; at least ${told(overlapMin)} is needed.`,
    )
  const fewer = copiesFound === null ? 0 : copiesFound.serving - copiesFound.other
  if (fewer > bounds.gateCopiesLossMax)
    reasons.push(`Near-copies found are fewer by ${told(fewer)}; ${told(bounds.gateCopiesLossMax)} is allowed.`)
  return reasons
}

function told(value: number): string {
  return String(Math.round(value * 10_000) / 10_000)
}
