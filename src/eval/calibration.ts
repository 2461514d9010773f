/** Fits the probability of a shared label to the scores of val pairs, and measures the fit. */
import { type ScoredPairs, scorePairs } from './pairs.js'
import { fitCurve, merged, rounded, type ScoreBin, softened } from './probability-curves.js'
import { seededRandom } from './random.js'
import type { LabelledEmbeddings } from './ranking.js'
import { basisOf, type ProbabilityCurve, probabilitySameLabel, type ScoreCalibration } from './score-calibration.js'

/** Width of a score bin, and the minimum pairs for a bin to stand alone. */
const binWidth = 0.01
const smallestBin = 50
const reliabilityBins = 20
const falseMatchRates = [0.1, 0.01, 0.001]

/** Least width of the rise at the end of a widened curve; ten times what its knots are rounded to. */
const lastRise = 1e-4
/** Knots of a widened curve, and the number of random halves it is averaged over. */
const widenedKnots = 101
const widenedHalves = 60

type Fit = (pairs: ScoredPairs) => ProbabilityCurve

const fits: Record<string, Fit> = {
  logistic: (pairs) => fitCurve.logistic(binned(pairs)),
  isotonic: (pairs) => fitCurve.isotonic(binned(pairs)),
}
/**
 * Few pairs determine two parameters, and would be lost in bins that hold enough of them for a share. Calibrated on 12 to
 * 45 pictures of 2 to 15 labels, it had 0.4 to 0.7 of the log loss that curves fitted to such bins had on pairs of other pictures;
 * on 56 to 120, 0.97 to 1.01.
 */
const fitsToFew: Record<string, Fit> = { logistic: (pairs) => fitCurve.logistic(softened(binned(pairs, 1))) }

/**
 * Pairs within each half of the pictures are held out once; the kind of curve with the smaller error on them is fitted
 * to all. Duplicate groups stay whole. With too few pairs the curve is logistic, widened and marked as such.
 * @param rows only these pictures; default all
 * @returns null without pairs of both kinds in both halves
 */
export function calibrate(
  images: LabelledEmbeddings,
  rows: ReadonlySet<number> = new Set(images.ids.keys()),
): ScoreCalibration | null {
  const all = scorePairs(images, rows)
  const halves = halvesOf(images.groups, rows, seededRandom(1)).map((half) => scorePairs(images, half))
  const counts = [all, ...halves].map(countPairs)
  if (counts.some(({ positives, negatives }) => positives === 0 || negatives === 0)) return null

  const { positives, negatives } = counts[0]!
  const widened = !basisOf({ positives, negatives }).reliable
  const tried = Object.entries(widened ? fitsToFew : fits).map(([kind, fit]) => ({
    kind,
    fit,
    ...judge(halves.map((held, half) => ({ held, curve: fit(halves[1 - half]!) }))),
  }))
  const best = tried.reduce((a, b) => (b.error < a.error ? b : a))
  return {
    curve: widened ? widenedCurve(images, rows, best.fit) : best.fit(all),
    ...(widened && { widened }),
    positives,
    negatives,
    sameLabelShare: positives / (positives + negatives),
    expectedCalibrationError: best.error,
    errorsTried: Object.fromEntries(tried.map(({ kind, error }) => [kind, error])),
    reliability: best.reliability,
    thresholds: falseMatchRates.map((rate) => threshold(all, rate)),
  }
}

/**
 * Mean deviation of predicted probabilities from observed shares, on pairs of pictures not used for the fit; null
 * without pairs.
 */
export function calibrationError(curve: ProbabilityCurve, images: LabelledEmbeddings): number | null {
  const held = scorePairs(images)
  return held.same.length === 0 ? null : judge([{ held, curve }]).error
}

/**
 * A curve from few pairs that is no more certain than they justify: the mean of curves fitted to many random halves of
 * the pictures. Where the halves disagree it lies between them. Beyond the highest observed score it rises to what is
 * known without labels: a picture shares its label with itself.
 */
function widenedCurve(images: LabelledEmbeddings, rows: ReadonlySet<number>, fit: Fit): ProbabilityCurve {
  const random = seededRandom(2)
  const curves: ProbabilityCurve[] = []
  let [lowest, highest] = [1, -1]
  for (let half = 0; half < widenedHalves; half++) {
    const [some] = halvesOf(images.groups, rows, random)
    const pairs = scorePairs(images, some)
    const { positives, negatives } = countPairs(pairs)
    lowest = pairs.scores.reduce((min, score) => Math.min(min, score), lowest)
    highest = pairs.scores.reduce((max, score) => Math.max(max, score), highest)
    if (positives > 0 && negatives > 0) curves.push(fit(pairs))
  }
  const itself = (rows.size + 0.5) / (rows.size + 1)
  const last = Math.min(highest, 1 - lastRise)
  const first = Math.min(lowest, last)
  const scores = [
    ...Array.from({ length: widenedKnots - 1 }, (_, i) => first + ((last - first) * i) / (widenedKnots - 2)),
    1,
  ]
  const probabilities = scores.map((score, i) =>
    i === widenedKnots - 1
      ? itself
      : curves.reduce((sum, curve) => sum + probabilitySameLabel({ curve }, score), 0) / curves.length,
  )
  return {
    kind: 'isotonic',
    scores: scores.map(rounded),
    probabilities: probabilities.map((value) => rounded(Math.min(value, itself))),
  }
}

/** Rows of each half; duplicate groups stay whole, in random order. */
function halvesOf(
  groups: readonly (string | number)[],
  rows: ReadonlySet<number>,
  random: () => number,
): Set<number>[] {
  const lots = new Map([...new Set(groups)].map((group) => [group, random() < 0.5 ? 0 : 1]))
  return [0, 1].map((half) => new Set([...rows].filter((row) => lots.get(groups[row]!) === half)))
}

function countPairs({ same }: ScoredPairs): { positives: number; negatives: number } {
  const positives = same.reduce((count, flag) => count + flag, 0)
  return { positives, negatives: same.length - positives }
}

/** In ascending order; small bins are merged with the next one, the last ones with the previous. */
function binned({ scores, same }: ScoredPairs, smallest = smallestBin): ScoreBin[] {
  const sums = Array.from({ length: Math.ceil(2 / binWidth) + 1 }, () => ({ score: 0, positives: 0, negatives: 0 }))
  scores.forEach((score, i) => {
    const bin = sums[Math.min(sums.length - 1, Math.max(0, Math.floor((score + 1) / binWidth)))]!
    bin.score += score
    bin[same[i] === 1 ? 'positives' : 'negatives']++
  })
  const bins: ScoreBin[] = []
  let open: ScoreBin | undefined
  for (const { score, positives, negatives } of sums) {
    if (positives + negatives === 0) continue
    const bin = { score: score / (positives + negatives), positives, negatives }
    open = open === undefined ? bin : merged(open, bin)
    if (open.positives + open.negatives < smallest) continue
    bins.push(open)
    open = undefined
  }
  if (open !== undefined) bins.push(bins.length === 0 ? open : merged(bins.pop()!, open))
  return bins
}

/** Expected calibration error over equal parts of the predicted probability (Guo et al. 2017), weighted by pairs. */
function judge(parts: readonly { held: ScoredPairs; curve: ProbabilityCurve }[]): {
  error: number
  reliability: ScoreCalibration['reliability']
} {
  const bins = Array.from({ length: reliabilityBins }, () => ({ stated: 0, found: 0, pairs: 0 }))
  for (const { held, curve } of parts) {
    held.scores.forEach((score, i) => {
      const stated = probabilitySameLabel({ curve }, score)
      const bin = bins[Math.min(reliabilityBins - 1, Math.floor(stated * reliabilityBins))]!
      bin.stated += stated
      bin.found += held.same[i]!
      bin.pairs++
    })
  }
  const total = bins.reduce((sum, { pairs }) => sum + pairs, 0)
  const filled = bins.filter(({ pairs }) => pairs > 0)
  return {
    error: filled.reduce((sum, { stated, found }) => sum + Math.abs(stated - found), 0) / total,
    reliability: filled.map(({ stated, found, pairs }) => ({ stated: stated / pairs, found: found / pairs, pairs })),
  }
}

function threshold({ scores, same }: ScoredPairs, falseMatchRate: number): ScoreCalibration['thresholds'][number] {
  const negatives = scores.filter((_, i) => same[i] === 0).sort()
  const positives = scores.filter((_, i) => same[i] === 1)
  const allowed = Math.floor(negatives.length * falseMatchRate)
  // just above the highest negative score that must not pass; above 1, and reached by none, if that is 1
  const highestRefused = negatives[negatives.length - 1 - allowed]!
  const passing = (values: Float32Array) => values.reduce((count, value) => count + Number(value > highestRefused), 0)
  const score = highestRefused + 1e-6
  return { falseMatchRate, score, matchRate: passing(positives) / positives.length }
}
