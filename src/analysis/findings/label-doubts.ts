/**
 * Pictures whose neighbours contradict their label: confident learning (Northcutt, Jiang, Chuang 2021) with the votes
 * of the k nearest as label probabilities. Neither a picture nor its copies vote on it, so the votes are out of sample,
 * as the method requires.
 */

import type { DoubtReport } from './doctor-report.js'
import type { Images } from './images.js'
import type { NeighbourLists } from './neighbour-lists.js'
import { nothingSettled, type Settled } from './settled.js'

/**
 * Minimum labelled neighbours to assess a picture, and minimum other pictures with its label that could vote for it.
 */
const votersMin = 5
/** Minimum lead of another label's share over its own: close calls are not findings. */
const marginMin = 0.5
const witnessesShown = 3

/** Share of each label among the labelled neighbours. */
type Votes = ReadonlyMap<string, number>

/**
 * Strongest doubt first.
 * @param lists without copies
 * @param options.k voting neighbours
 * @param options.limit maximum pictures
 */
export function findLabelDoubts(
  images: Images,
  lists: NeighbourLists,
  { k, limit, settled = nothingSettled }: { k: number; limit: number; settled?: Settled | undefined },
): DoubtReport {
  const { ids, labels } = images
  const judged = votesOfAll(images, lists, k)
  const confidence = meanOwnShare(judged, labels)
  let dismissed = 0
  const doubts: { position: number; likely: string; margin: number; own: number; other: number }[] = []
  for (const [position, votes] of judged) {
    const label = labels[position]!
    const likely = likeliest(votes, label, confidence)
    if (likely === label) continue
    const [own, other] = [votes.get(label) ?? 0, votes.get(likely)!]
    if (other - own < marginMin) continue
    if (settled.hasLabel(position)) dismissed += 1
    else doubts.push({ position, likely, margin: other - own, own, other })
  }
  doubts.sort(
    (a, b) => b.margin - a.margin || lists.score(b.position, 0) - lists.score(a.position, 0) || a.position - b.position,
  )
  return {
    judged: judged.size,
    count: doubts.length,
    dismissed,
    images: doubts.slice(0, limit).map(({ position, likely, margin, own, other }) => ({
      id: ids[position]!,
      label: labels[position]!,
      likelyLabel: likely,
      margin,
      ownShare: own,
      likelyShare: other,
      witnesses: witnesses({ position, likely }, images, lists, k),
    })),
  }
}

function votesOfAll({ labels }: Images, lists: NeighbourLists, k: number): Map<number, Votes> {
  const frequency = new Map<string, number>()
  for (const label of labels) if (label !== null) frequency.set(label, (frequency.get(label) ?? 0) + 1)
  const judged = new Map<number, Votes>()
  labels.forEach((label, position) => {
    if (label === null || frequency.get(label)! <= votersMin) return
    const voters = neighbourLabels(position, labels, lists, k).filter((vote) => vote !== null)
    if (voters.length < votersMin) return
    const counts = new Map<string, number>()
    for (const vote of voters) counts.set(vote, (counts.get(vote) ?? 0) + 1)
    judged.set(position, new Map([...counts].map(([vote, count]) => [vote, count / voters.length])))
  })
  return judged
}

function neighbourLabels(
  position: number,
  labels: Images['labels'],
  lists: NeighbourLists,
  k: number,
): (string | null)[] {
  return Array.from({ length: Math.min(k, lists.count(position)) }, (_, i) => labels[lists.other(position, i)]!)
}

/** The threshold of each label: its average share among its own pictures. */
function meanOwnShare(judged: ReadonlyMap<number, Votes>, labels: Images['labels']): Map<string, number> {
  const sums = new Map<string, { sum: number; count: number }>()
  for (const [position, votes] of judged) {
    const label = labels[position]!
    const { sum, count } = sums.get(label) ?? { sum: 0, count: 0 }
    sums.set(label, { sum: sum + (votes.get(label) ?? 0), count: count + 1 })
  }
  return new Map([...sums].map(([label, { sum, count }]) => [label, sum / count]))
}

/** The most likely of the labels that reach their average share here; its own label if there is none, or on a tie. */
function likeliest(votes: Votes, label: string, confidence: ReadonlyMap<string, number>): string {
  const confident = [...votes].filter(([name, share]) => share >= (confidence.get(name) ?? Infinity) - 1e-9)
  confident.sort(([a, x], [b, y]) => y - x || Number(b === label) - Number(a === label) || (a < b ? -1 : 1))
  return confident[0]?.[0] ?? label
}

function witnesses(
  { position, likely }: { position: number; likely: string },
  { ids, labels }: Images,
  lists: NeighbourLists,
  k: number,
) {
  const found: { id: string; score: number }[] = []
  for (let i = 0; i < Math.min(k, lists.count(position)) && found.length < witnessesShown; i++) {
    const other = lists.other(position, i)
    if (labels[other] === likely) found.push({ id: ids[other]!, score: lists.score(position, i) })
  }
  return found
}
