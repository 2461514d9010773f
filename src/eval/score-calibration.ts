/** What a score says: the probability that two pictures share a label. Fitted by `calibration.ts`, kept in the model's manifest. */
import { type Static, Type } from 'typebox'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Probability as a function of the score; never falls. */
export const ProbabilityCurve = Type.Union([
  /** 1 / (1 + e^−(slope · score + intercept)) */
  Type.Object(
    { kind: Type.Literal('logistic'), slope: Type.Number({ exclusiveMinimum: 0 }), intercept: Type.Number() },
    { additionalProperties: false },
  ),
  /** Straight lines between knots, level outside; scores rise, probabilities do not fall. */
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
 * Measured on all pairs of val pictures. Holds where labels are as frequent as there: `sameLabelShare` of all pairs share one.
 */
export const ScoreCalibration = Type.Object(
  {
    curve: ProbabilityCurve,
    /** True: there were few pairs, and the curve is the mean of those of many halves of the pictures, less certain than any of them. */
    widened: Type.Optional(Type.Boolean()),
    positives: Type.Integer({ minimum: 1 }),
    negatives: Type.Integer({ minimum: 1 }),
    sameLabelShare: Share,
    /** Mean distance between stated probability and found share, on pairs that the curve was not fitted to. */
    expectedCalibrationError: Share,
    /** The same for each kind of curve that was tried. */
    errorsTried: Type.Record(Type.String(), Share),
    /** From those pairs, in twentieths of the stated probability: what was stated, what was found. */
    reliability: Type.Array(
      Type.Object(
        { stated: Share, found: Share, pairs: Type.Integer({ minimum: 1 }) },
        { additionalProperties: false },
      ),
    ),
    /** From `score` on, at most `falseMatchRate` of the pairs of two labels pass, and `matchRate` of those of one. */
    thresholds: Type.Array(
      Type.Object({ falseMatchRate: Share, score: Type.Number(), matchRate: Share }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
)
export type ScoreCalibration = Static<typeof ScoreCalibration>
export type CalibratedThreshold = ScoreCalibration['thresholds'][number]

/** With fewer pairs of either kind a curve says little of what was not measured: one photograph more may turn it. */
export const reliablePairsMin = 500

/** What a probability rests on, shown wherever one is. */
export interface CalibrationBasis {
  /** Of the data: what its pairs were held out from is the training. */
  split: 'val'
  positivePairs: number
  negativePairs: number
  reliable: boolean
  /** Only where it is so. */
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

/** The threshold of this rate, or that of the smallest rate; undefined when none was measured. Rates between are not guessed. */
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
  const share = (score - left) / (right - left)
  return probabilities[above - 1]! * (1 - share) + probabilities[above]! * share
}

/** The lowest score whose probability reaches `probability`; undefined when no cosine does. */
export function scoreOfProbability(
  calibration: Pick<ScoreCalibration, 'curve'>,
  probability: number,
): number | undefined {
  if (probabilitySameLabel(calibration, 1) < probability) return undefined
  // probability never falls with the score, so halving finds the place: to the last bit, or the very hit whose probability
  // was given would be left out
  let [low, high] = [-1, 1]
  if (probabilitySameLabel(calibration, low) >= probability) return low
  for (let middle = 0; middle > low && middle < high; middle = (low + high) / 2) {
    if (probabilitySameLabel(calibration, middle) >= probability) high = middle
    else low = middle
  }
  return high
}

/** Index of the first of the rising values that is larger. */
function firstAbove(values: readonly number[], value: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
