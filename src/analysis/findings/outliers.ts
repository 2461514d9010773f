/**
 * Pictures that resemble nothing else in the gallery: the score of the nearest other (Ramaswamy, Rastogi, Shim 2000)
 * lies below the lower fence of all such scores, Q1 − 1.5 · (Q3 − Q1) (Tukey 1977).
 */

import type { OutlierReport } from './doctor-report.js'
import type { Images } from './images.js'
import type { NeighbourLists } from './neighbour-lists.js'

/**
 * Most isolated first.
 * @param lists without copies, because a picture that resembles only its copy is isolated too
 * @param limit maximum pictures
 */
export function findOutliers({ ids, labels }: Images, lists: NeighbourLists, limit: number): OutlierReport {
  const known = Array.from({ length: lists.size }, (_, position) => position).filter(
    (position) => lists.count(position) > 0,
  )
  const best = (position: number) => lists.score(position, 0)
  const sorted = Float32Array.from(known, best).sort()
  if (sorted.length === 0) return { medianScore: null, belowScore: null, count: 0, images: [] }
  const quantile = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!
  const [lower, upper] = [quantile(0.25), quantile(0.75)]
  const fence = lower - 1.5 * (upper - lower)
  const lonely = known.filter((position) => best(position) < fence).sort((a, b) => best(a) - best(b) || a - b)
  return {
    medianScore: quantile(0.5),
    belowScore: fence,
    count: lonely.length,
    images: lonely.slice(0, limit).map((position) => ({
      id: ids[position]!,
      label: labels[position]!,
      score: best(position),
      nearestId: ids[lists.other(position, 0)]!,
    })),
  }
}
