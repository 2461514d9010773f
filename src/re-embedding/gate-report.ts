/** The result of evaluating a gallery's two sets side by side, and whether the other one may serve. Pure. */
import type { Interval } from '../eval/bootstrap.js'

/** One number for both sets on the same queries; the interval is that of the difference, other minus serving. */
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
  /** Stored pictures used as label queries, and the number of pictures ranked; 0 if the gallery has too few labels. */
  queries: number
  candidates: number
  /** Of those, pictures missing from the other set; omitted in older reports. */
  missing?: number
  quality: Partial<Record<ComparedName, ComparedNumber>>
  /** Share of a query's ten best hits that both sets return; null for an empty gallery. */
  overlapAt10: number | null
  overlapQueries: number
  /** On recent search pictures; omitted in older reports, null if none are kept. */
  replay?: { queries: number; overlapAt10: number } | null
  /** Near-copies by pixels: the share among the ten best hits; null if there are none. */
  copiesFound: { serving: number; other: number; copies: number } | null
}

export interface GateBounds {
  /** Maximum loss of mAP@10, at the worse end of its interval. */
  gateMapLossMax: number
  /** Maximum increase of the normalised mean rank, at the worse end of its interval. */
  gateRankLossMax: number
  /** Minimum overlap@10 for a gallery without labels. */
  gateOverlapMin: number
  /** Minimum overlap@10 on kept queries, for a gallery whose labels decide. */
  gateReplayOverlapMin: number
  /** Maximum loss of near-copies found. */
  gateCopiesLossMax: number
}

export interface GateReport extends GateMeasures {
  /** ISO 8601. */
  judgedAt: string
  /** Of the set serving at that time. */
  servingModelId: string
  seed: number
  passed: boolean
  /** Reasons against it, one sentence each. */
  reasons: string[]
}

/** Without the model that serves, its set is not searched, and there is nothing to compare with. */
export const notCompared: { measures: GateMeasures; reasons: string[] } = {
  measures: { queries: 0, candidates: 0, quality: {}, overlapAt10: null, overlapQueries: 0, copiesFound: null },
  reasons: ['The model that serves the gallery is not installed, so the two could not be compared.'],
}

/** Minimum label queries for the labels to decide; a few similar ones would pass anything. */
const labelledQueriesMin = 30

/** Minimum kept queries for their overlap to count. */
const replayedQueriesMin = 10

/** Reasons against letting the other set serve; empty if it may. */
export function reasonsAgainst(measures: GateMeasures, bounds: GateBounds): string[] {
  const { queries, quality, overlapAt10, copiesFound } = measures
  const reasons: string[] = []
  const [map, rank] = [quality['mAP@10'], quality.normalisedMeanRank]
  if (map !== undefined && map.interval[0] < -bounds.gateMapLossMax)
    reasons.push(`mAP@10 may be lower by ${rounded(-map.interval[0])}; ${rounded(bounds.gateMapLossMax)} is allowed.`)
  if (rank !== undefined && rank.interval[1] > bounds.gateRankLossMax)
    reasons.push(
      `The normalised mean rank may be higher by ${rounded(rank.interval[1])}; ${rounded(bounds.gateRankLossMax)} is allowed.`,
    )
  // labels show which of the two sets is right where they differ
  const decides = map !== undefined && queries >= labelledQueriesMin
  if (!decides && overlapAt10 !== null && overlapAt10 < bounds.gateOverlapMin) {
    const without = queries === 0 ? 'without labels' : `with no more than ${queries} labelled queries`
    reasons.push(
      `Overlap@10 is ${rounded(overlapAt10)}; ${without} at least ${rounded(bounds.gateOverlapMin)} is needed.`,
    )
  }
  // queries may differ in kind from the stored, labelled pictures
  const { replay } = measures
  const overlapMin = decides ? bounds.gateReplayOverlapMin : bounds.gateOverlapMin
  if (replay && replay.queries >= replayedQueriesMin && replay.overlapAt10 < overlapMin)
    reasons.push(
      `Overlap@10 on ${replay.queries} kept queries is ${rounded(replay.overlapAt10)}; at least ${rounded(overlapMin)} is needed.`,
    )
  const fewer = copiesFound === null ? 0 : copiesFound.serving - copiesFound.other
  if (fewer > bounds.gateCopiesLossMax)
    reasons.push(`Near-copies found are fewer by ${rounded(fewer)}; ${rounded(bounds.gateCopiesLossMax)} is allowed.`)
  return reasons
}

function rounded(value: number): string {
  return String(Math.round(value * 10_000) / 10_000)
}
