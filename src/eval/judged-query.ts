/** Quality numbers of one query's ranking. */

/** One query and its ranked hits, excluding the picture itself and its duplicate group. */
export interface RankedLabels {
  /** Label of the query. */
  label: string
  /** Labels of the hits, best first; may be truncated if only the top is known. */
  ranked: readonly (string | null)[]
  /** R: number of existing hits with the same label. */
  relevant: number
  /** N: number of existing hits. */
  candidates: number
  /** Relevant pictures missing from the gallery: counted as missed at every depth, and ranked last. Default 0. */
  missing?: number | undefined
}

/** Values of one query by name; null if the known part of the ranking is too short. */
export type QueryQuality = Map<string, number | null>

/** Depths k of recall@k. */
export const recallDepths = [1, 5, 10] as const
/** Number of neighbours that vote in `knnAccuracy`. */
const knnNeighbours = 10

/**
 * All numbers of one query with R ≥ 1 relevant answers among N, rel(i) ∈ {0,1}, P(i) precision of the first i:
 * - `mAP@k`: AP@k = Σ_{i≤k} P(i)·rel(i) / min(k, R); `mAP@R`: the same with k = R
 * - `recall@k`: 1 when any of the first k is relevant (Recall@k of metric learning)
 * - `rPrecision`: P(R); `mrr`: 1 / first rank; `firstRank`; `meanRank`: mean position of the relevant
 * - `normalisedMeanRank`: (meanRank − (R+1)/2) / (N−R) = 1 − AUC
 * - `knnAccuracy`: 1 when the majority of the first ten has the label; a tie goes to the nearest
 */
export function judgeQuery(query: RankedLabels, precisionDepths: readonly number[]): QueryQuality {
  const { label, ranked, relevant, candidates, missing = 0 } = query
  const findable = relevant - missing
  const known = Math.min(ranked.length, candidates)
  const depths = [...precisionDepths, relevant]
  const precisionSums = depths.map(() => 0)
  let found = 0
  let rankSum = 0
  let firstRank: number | null = null
  let foundAtR = 0
  for (let rank = 1; rank <= known; rank++) {
    if (ranked[rank - 1] !== label) continue
    found++
    rankSum += rank
    firstRank ??= rank
    if (rank <= relevant) foundAtR = found
    depths.forEach((depth, i) => {
      if (rank <= depth) precisionSums[i]! += found / rank
    })
    if (found === findable) break
  }

  // what lies below the known part matters only while a relevant hit is missing
  const reaches = (depth: number) => found === findable || known >= Math.min(depth, candidates)
  const quality: QueryQuality = new Map()
  precisionDepths.forEach((depth, i) =>
    quality.set(`mAP@${depth}`, reaches(depth) ? precisionSums[i]! / Math.min(depth, relevant) : null),
  )
  quality.set('mAP@R', reaches(relevant) ? precisionSums.at(-1)! / relevant : null)
  for (const depth of recallDepths) {
    const hit = firstRank !== null && firstRank <= depth
    quality.set(`recall@${depth}`, hit || reaches(depth) ? Number(hit) : null)
  }
  quality.set('rPrecision', reaches(relevant) ? foundAtR / relevant : null)
  quality.set('mrr', firstRank === null ? null : 1 / firstRank)
  quality.set('firstRank', firstRank)
  // the missing ones take the ranks candidates − missing + 1 … candidates
  const missingRanks = missing * (candidates - (missing - 1) / 2)
  const meanRank = found === findable ? (rankSum + missingRanks) / relevant : null
  quality.set('meanRank', meanRank)
  quality.set('normalisedMeanRank', meanRank === null ? null : normalise(meanRank, relevant, candidates))
  quality.set('knnAccuracy', known >= Math.min(knnNeighbours, candidates) ? Number(votedLabel(ranked) === label) : null)
  return quality
}

function normalise(meanRank: number, relevant: number, candidates: number): number {
  return candidates === relevant ? 0 : (meanRank - (relevant + 1) / 2) / (candidates - relevant)
}

/** The majority label of the first ten, of which unlabelled ones do not vote; on a tie, the nearest. */
export function votedLabel(ranked: readonly (string | null)[]): string | null {
  const counts = new Map<string, number>()
  for (const label of ranked.slice(0, knnNeighbours))
    if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1)
  // a Map keeps the order of first appearance, so the nearest label wins a tie
  let [best, most]: [string | null, number] = [null, 0]
  for (const [label, count] of counts) if (count > most) [best, most] = [label, count]
  return best
}
