/**
 * The meaning of a score: the probability that two pictures share a label. Fitted by `calibration.ts`, stored in the
 * model's manifest.
 */
import { type Static, Type } from 'typebox'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Probability as a function of the score; never decreases. */
export const ProbabilityCurve = Type.Union([
  /** 1 / (1 + e^−(slope · score + intercept)) */
  Type.Object(
    { kind: Type.Literal('logistic'), slope: Type.Number({ exclusiveMinimum: 0 }), intercept: Type.Number() },
    { additionalProperties: false },
  ),
  /** Linear between knots, constant outside; neither scores nor probabilities decrease. */
  Type.Object(
    {
      kind: Type.Literal('isotonic'),
      scores: Type.Array(Type.Number(), { minItems: 1 }),
      probabilities: Type.Array(Share, { minItems: 1 }),
    },
    { additionalProperties: false },
  ),
])
export type ProbabilityCurve = Static<typeof ProbabilityCurve>

/**
 * Measured on all pairs of val pictures. Valid if labels are as frequent as there: `sameLabelShare` of all pairs share
 * one.
 */
export const ScoreCalibration = Type.Object(
  {
    curve: ProbabilityCurve,
    /**
     * True if there were few pairs, and the curve is the mean over many halves of the pictures, less certain than any
     * of them.
     */
    widened: Type.Optional(Type.Boolean()),
    positives: Type.Integer({ minimum: 1 }),
    negatives: Type.Integer({ minimum: 1 }),
    sameLabelShare: Share,
    /** Mean deviation of predicted probability from observed share, on pairs not used for the fit. */
    expectedCalibrationError: Share,
    /** The same for each kind of curve tried. */
    errorsTried: Type.Record(Type.String(), Share),
    /** For those pairs, in twentieths of the predicted probability: predicted and observed. */
    reliability: Type.Array(
      Type.Object(
        { stated: Share, found: Share, pairs: Type.Integer({ minimum: 1 }) },
        { additionalProperties: false },
      ),
    ),
    /**
     * From `score` on, at most `falseMatchRate` of the pairs with different labels pass, and `matchRate` of those with
     * the same.
     */
    thresholds: Type.Array(
      Type.Object({ falseMatchRate: Share, score: Type.Number(), matchRate: Share }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
)
export type ScoreCalibration = Static<typeof ScoreCalibration>
export type CalibratedThreshold = ScoreCalibration['thresholds'][number]

/** With fewer pairs of either kind a curve does not generalise: a single additional photograph may change it. */
export const reliablePairsMin = 500

/** The basis of a probability, shown wherever one is shown. */
export interface CalibrationBasis {
  /** Of the data: its pairs were not used in training. */
  split: 'val'
  positivePairs: number
  negativePairs: number
  reliable: boolean
  /** Only if true. */
  widened?: true
}

export function basisOf({
  positives,
  negatives,
  widened = false,
}: Pick<ScoreCalibration, 'positives' | 'negatives' | 'widened'>): CalibrationBasis {
  return {
    split: 'val',
    positivePairs: positives,
    negativePairs: negatives,
    reliable: Math.min(positives, negatives) >= reliablePairsMin,
    ...(widened && { widened: true }),
  }
}

/**
 * The threshold of this rate, or of the smallest rate; undefined if none was measured. Rates in between are not
 * interpolated.
 */
export function thresholdOf(
  { thresholds }: Pick<ScoreCalibration, 'thresholds'>,
  falseMatchRate?: number,
): CalibratedThreshold | undefined {
  if (falseMatchRate !== undefined) return thresholds.find((threshold) => threshold.falseMatchRate === falseMatchRate)
  return thresholds.toSorted((a, b) => a.falseMatchRate - b.falseMatchRate)[0]
}

/** @param score cosine of two embeddings of this model */
export function probabilitySameLabel({ curve }: Pick<ScoreCalibration, 'curve'>, score: number): number {
  if (curve.kind === 'logistic') return 1 / (1 + Math.exp(-(curve.slope * score + curve.intercept)))
  const { scores, probabilities } = curve
  const above = firstAbove(scores, score)
  if (above === 0) return probabilities[0]!
  if (above === scores.length) return probabilities.at(-1)!
  const [left, right] = [scores[above - 1]!, scores[above]!]
  const [from, to] = [probabilities[above - 1]!, probabilities[above]!]
  // not the sum of two weighted probabilities, whose rounding would let it fall; nor above the next knot's
  return Math.min(to, from + ((score - left) / (right - left)) * (to - from))
}

/** The lowest score whose probability reaches `probability`; undefined if no cosine does. */
export function scoreOfProbability(
  calibration: Pick<ScoreCalibration, 'curve'>,
  probability: number,
): number | undefined {
  if (probabilitySameLabel(calibration, 1) < probability) return undefined
  // the probability never falls with the score, so bisection works; it must be exact to the last bit, or the very hit
  // whose probability was given would be excluded
  let [low, high] = [-1, 1]
  if (probabilitySameLabel(calibration, low) >= probability) return low
  for (let middle = 0; middle > low && middle < high; middle = (low + high) / 2) {
    if (probabilitySameLabel(calibration, middle) >= probability) high = middle
    else low = middle
  }
  return high
}

/** Index of the first of the ascending values that is larger. */
function firstAbove(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
