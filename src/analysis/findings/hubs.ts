/**
 * Hubs: pictures among the nearest of suspiciously many others, an effect of high dimensionality (Radovanović,
 * Nanopoulos, Ivanović 2010). They appear in answers where they do not belong.
 */

import type { HubReport } from './doctor-report.js'
import type { Images } from './images.js'
import type { NeighbourLists } from './neighbour-lists.js'

/**
 * Most frequent first.
 * @param lists without copies
 * @param k length of the lists considered
 * @param limit maximum pictures
 */
export function findHubs({ ids, labels }: Images, lists: NeighbourLists, k: number, limit: number): HubReport {
  const occurrences = new Uint32Array(lists.size)
  const strangers = new Uint32Array(lists.size)
  for (let position = 0; position < lists.size; position++) {
    for (let i = 0; i < Math.min(k, lists.count(position)); i++) {
      const other = lists.other(position, i)
      occurrences[other]!++
      // a "bad occurrence" in the paper's terms
      if (labels[position] !== null && labels[other] !== null && labels[position] !== labels[other]) strangers[other]!++
    }
  }
  const { mean, deviation, skewness } = moments(occurrences)
  const hubs = Array.from(occurrences.keys()).filter((position) => occurrences[position]! > mean + 2 * deviation)
  hubs.sort((a, b) => occurrences[b]! - occurrences[a]! || a - b)
  return {
    k,
    skewness,
    meanOccurrences: mean,
    count: hubs.length,
    neverFound: occurrences.reduce((sum, count) => sum + Number(count === 0), 0),
    images: hubs.slice(0, limit).map((position) => ({
      id: ids[position]!,
      label: labels[position]!,
      occurrences: occurrences[position]!,
      otherLabelShare: strangers[position]! / occurrences[position]!,
    })),
  }
}

/** Skewness = E[(N − μ)³] / σ³; 0 if all are equal. */
function moments(values: Uint32Array): { mean: number; deviation: number; skewness: number } {
  const about = (centre: number, power: number) =>
    values.reduce((sum, value) => sum + (value - centre) ** power, 0) / Math.max(1, values.length)
  const mean = about(0, 1)
  const deviation = Math.sqrt(about(mean, 2))
  return { mean, deviation, skewness: deviation === 0 ? 0 : about(mean, 3) / deviation ** 3 }
}
