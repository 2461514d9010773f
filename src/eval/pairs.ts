/** Verification quality: how well the score alone shows whether two pictures share a label. */
import { seededRandom } from './random.js'
import { type LabelledEmbeddings, rowsAt, scoreRows, sortableBits } from './ranking.js'

export interface PairQuality {
  /** Number of pairs with the same label, and with different labels. */
  positives: number
  negatives: number
  /** Probability that a pair with the same label scores higher than one with different labels; ties count half. */
  rocAuc: number
  /** Error rate at which false matches and false non-matches are equally frequent. */
  equalErrorRate: number
  /** The score at that point. */
  equalErrorScore: number
  meanPositiveScore: number
  meanNegativeScore: number
  distances: DistanceHistogram
}

/**
 * Distances of pairs, by kind. Euclidean distance of unit vectors, √(2 − 2·score): 0 identical, √2 unrelated, 2
 * opposite.
 */
export interface DistanceHistogram {
  /** Width of a bin; the first begins at 0, the last ends at 2. */
  binWidth: number
  /** Share of each kind's pairs per bin; each sums to 1. */
  positives: number[]
  negatives: number[]
}

const distanceBins = 40

/** Above this, only a random sample of so many pictures is used: n² / 2 pairs of 4,000 pictures are 8 million. */
const maxImages = 4000

/** Every pair of pictures from different duplicate groups. @returns null without pairs of both kinds */
export function evaluatePairs(images: LabelledEmbeddings): PairQuality | null {
  const { scores, same } = scorePairs(images)
  const positives = same.reduce((count, flag) => count + flag, 0)
  const negatives = same.length - positives
  if (positives === 0 || negatives === 0) return null
  const sums = { positive: 0, negative: 0 }
  scores.forEach((score, i) => (sums[same[i] === 1 ? 'positive' : 'negative'] += score))
  return {
    positives,
    negatives,
    ...sweep(sortedPairs(scores, same), positives, negatives),
    meanPositiveScore: sums.positive / positives,
    meanNegativeScore: sums.negative / negatives,
    distances: histogramOf({ scores, same }, positives, negatives),
  }
}

function histogramOf({ scores, same }: ScoredPairs, positives: number, negatives: number): DistanceHistogram {
  const binWidth = 2 / distanceBins
  const counts = {
    positives: new Array<number>(distanceBins).fill(0),
    negatives: new Array<number>(distanceBins).fill(0),
  }
  scores.forEach((score, i) => {
    // rounding can move scores slightly beyond ±1
    const distance = Math.sqrt(Math.max(0, 2 - 2 * score))
    counts[same[i] === 1 ? 'positives' : 'negatives'][Math.min(distanceBins - 1, Math.floor(distance / binWidth))]! += 1
  })
  return {
    binWidth,
    positives: counts.positives.map((count) => count / positives),
    negatives: counts.negatives.map((count) => count / negatives),
  }
}

export interface ScoredPairs {
  scores: Float32Array
  /** 1 if the two pictures share a label. */
  same: Uint8Array
}

/**
 * Every pair of pictures from different duplicate groups; for very many pictures, a subset.
 * @param rows only pairs within these
 */
export function scorePairs(images: LabelledEmbeddings, rows?: ReadonlySet<number>): ScoredPairs {
  const { labels, groups, embeddings, dimension } = thinned(images, rows)
  const count = labels.length
  const scores = new Float32Array((count * (count - 1)) / 2)
  const same = new Uint8Array(scores.length)
  const others = new Float32Array(count)
  let kept = 0
  for (let first = 0; first < count - 1; first++) {
    const found = others.subarray(first + 1)
    scoreRows(
      embeddings.subarray(first * dimension, (first + 1) * dimension),
      embeddings.subarray((first + 1) * dimension),
      found,
    )
    for (let second = first + 1; second < count; second++) {
      if (groups[first] === groups[second]) continue
      scores[kept] = others[second]!
      same[kept++] = Number(labels[first] === labels[second])
    }
  }
  return { scores: scores.subarray(0, kept), same: same.subarray(0, kept) }
}

interface ScoredPair {
  score: number
  same: boolean
}

/** In ascending order of score; sorted natively, with the flag packed beside the bits of the score. */
function* sortedPairs(scores: Float32Array, same: Uint8Array): Iterable<ScoredPair> {
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length)
  const keys = Float64Array.from(bits, (value, i) => sortableBits(value) * 2 + same[i]!).sort()
  const score = new Float32Array(1)
  const scoreBits = new Uint32Array(score.buffer)
  for (const key of keys) {
    const sortable = Math.floor(key / 2)
    scoreBits[0] = sortable >= 0x80000000 ? sortable - 0x80000000 : ~sortable
    yield { score: score[0]!, same: key % 2 === 1 }
  }
}

/** Moves the threshold from the lowest score to the highest; it stops just above each group of equal scores. */
function sweep(
  pairs: Iterable<ScoredPair>,
  positives: number,
  negatives: number,
): Pick<PairQuality, 'rocAuc' | 'equalErrorRate' | 'equalErrorScore'> {
  const below = { positives: 0, negatives: 0 }
  const here = { positives: 0, negatives: 0, score: NaN }
  let wins = 0
  let best = { gap: Infinity, rate: 1, score: NaN }
  const leaveGroup = () => {
    wins += here.positives * (below.negatives + here.negatives / 2)
    below.positives += here.positives
    below.negatives += here.negatives
    const falseNonMatches = below.positives / positives
    const falseMatches = 1 - below.negatives / negatives
    const gap = Math.abs(falseNonMatches - falseMatches)
    if (gap < best.gap) best = { gap, rate: (falseNonMatches + falseMatches) / 2, score: here.score }
    here.positives = here.negatives = 0
  }
  for (const { score, same } of pairs) {
    if (score !== here.score && !Number.isNaN(here.score)) leaveGroup()
    here.score = score
    here[same ? 'positives' : 'negatives']++
  }
  leaveGroup()
  return { rocAuc: wins / (positives * negatives), equalErrorRate: best.rate, equalErrorScore: best.score }
}

function thinned(images: LabelledEmbeddings, wanted?: ReadonlySet<number>): LabelledEmbeddings {
  const candidates = images.labels.flatMap((_, row) => (wanted?.has(row) === false ? [] : [row]))
  if (candidates.length <= maxImages && wanted === undefined) return images
  return rowsAt(images, candidates.length <= maxImages ? candidates : drawn(candidates, maxImages))
}

/**
 * In their order, by selection sampling (Knuth, TAOCP 2, 3.4.2 S). At equal distances there might be one picture of each
 * label, and no pair that shares one.
 */
function drawn(rows: readonly number[], count: number): number[] {
  const random = seededRandom(1)
  let open = count
  return rows.filter((_, i) => {
    if (random() * (rows.length - i) >= open) return false
    open--
    return true
  })
}
