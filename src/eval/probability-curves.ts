/** Two ways to fit probability to score, on pairs counted by score. */
import type { ProbabilityCurve } from './score-calibration.js'

/** Pairs with similar scores. */
export interface ScoreBin {
  /** Mean of the scores. */
  score: number
  positives: number
  negatives: number
}

export type CurveKind = ProbabilityCurve['kind']

/** @param bins in ascending order of score */
export const fitCurve: Record<CurveKind, (bins: readonly ScoreBin[]) => ProbabilityCurve> = {
  logistic: fitLogistic,
  isotonic: fitIsotonic,
}

const newtonSteps = 50

/** Maximum likelihood by Newton's method (Platt 1999; of few pairs, see `softened`). */
function fitLogistic(bins: readonly ScoreBin[]): ProbabilityCurve {
  let [slope, intercept] = [1, 0]
  for (let step = 0; step < newtonSteps; step++) {
    // gradient and Hessian of the log-likelihood
    let [gs, gi, hss, hsi, hii] = [0, 0, 1e-9, 0, 1e-9]
    for (const { score, positives, negatives } of bins) {
      const probability = 1 / (1 + Math.exp(-(slope * score + intercept)))
      const residual = positives - (positives + negatives) * probability
      const weight = (positives + negatives) * probability * (1 - probability)
      gs += residual * score
      gi += residual
      hss += weight * score * score
      hsi += weight * score
      hii += weight
    }
    const determinant = hss * hii - hsi * hsi
    const [ds, di] = [(gs * hii - gi * hsi) / determinant, (gi * hss - gs * hsi) / determinant]
    // separable scores have no maximum: the slope would grow forever
    const damping = Math.min(1, 10 / Math.max(Math.abs(ds), Math.abs(di)))
    slope += ds * damping
    intercept += di * damping
    if (Math.abs(ds) + Math.abs(di) < 1e-9) break
  }
  return slope > 0 ? { kind: 'logistic', slope, intercept } : flat(bins)
}

/**
 * Platt's targets instead of 1 and 0, as if there had been one more pair of either kind: otherwise the fit to few pairs,
 * which a score may separate, would be certain.
 */
export function softened(bins: readonly ScoreBin[]): ScoreBin[] {
  const all = bins.reduce(merged)
  const [ofPositive, ofNegative] = [(all.positives + 1) / (all.positives + 2), 1 / (all.negatives + 2)]
  return bins.map(({ score, positives, negatives }) => {
    const stated = positives * ofPositive + negatives * ofNegative
    return { score, positives: stated, negatives: positives + negatives - stated }
  })
}

/** The likeliest curve that does not fall with the score, for pairs that say it should. */
function flat(bins: readonly ScoreBin[]): ProbabilityCurve {
  const { positives, negatives } = bins.reduce(merged)
  return { kind: 'logistic', slope: Number.MIN_VALUE, intercept: Math.log(positives / negatives) }
}

/** Least squares among all non-decreasing curves: decreasing neighbours are pooled (Ayer et al. 1955). */
function fitIsotonic(bins: readonly ScoreBin[]): ProbabilityCurve {
  const blocks: ScoreBin[] = []
  for (const bin of bins) {
    let block = bin
    for (
      let before = blocks.at(-1);
      before !== undefined && shareOf(before) >= shareOf(block);
      before = blocks.at(-1)
    ) {
      block = merged(before, block)
      blocks.pop()
    }
    blocks.push(block)
  }
  return {
    kind: 'isotonic',
    scores: blocks.map(({ score }) => rounded(score)),
    probabilities: blocks.map((block) => rounded(shareOf(block))),
  }
}

/** Adds half a pair of each kind, because no finite number of pairs makes a certainty. */
function shareOf({ positives, negatives }: ScoreBin): number {
  return (positives + 0.5) / (positives + negatives + 1)
}

export function merged(a: ScoreBin, b: ScoreBin): ScoreBin {
  const [weightA, weightB] = [a.positives + a.negatives, b.positives + b.negatives]
  return {
    score: (a.score * weightA + b.score * weightB) / (weightA + weightB),
    positives: a.positives + b.positives,
    negatives: a.negatives + b.negatives,
  }
}

/** To five digits, beyond the precision of the measurement. */
export function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5
}
