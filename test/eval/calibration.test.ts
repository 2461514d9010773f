import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from 'typebox/value'
import { calibrate, calibrationError } from '../../src/eval/calibration.js'
import { fitCurve, type ScoreBin } from '../../src/eval/probability-curves.js'
import { seededRandom } from '../../src/eval/random.js'
import type { LabelledEmbeddings } from '../../src/eval/ranking.js'
import {
  basisOf,
  type ProbabilityCurve,
  probabilitySameLabel,
  ScoreCalibration,
  scoreOfProbability,
  thresholdOf,
} from '../../src/eval/score-calibration.js'

/** Clouds around one direction per label. */
function clouds(count: number, spread: number, seed: number, dimension = 8, classes = 4): LabelledEmbeddings {
  const random = seededRandom(seed)
  const embeddings = new Float32Array(count * dimension)
  for (let row = 0; row < count; row++) {
    const vector = embeddings.subarray(row * dimension, (row + 1) * dimension)
    vector.forEach((_, i) => (vector[i] = (random() - 0.5) * spread + Number(i === row % classes)))
    const length = Math.hypot(...vector)
    vector.forEach((value, i) => (vector[i] = value / length))
  }
  const ids = Array.from({ length: count }, (_, i) => String(i))
  return { ids, labels: ids.map((_, i) => `label ${i % classes}`), groups: ids, embeddings, dimension }
}

test('probabilities match the observed share of pairs, on other pictures too', () => {
  const calibration = calibrate(clouds(400, 2, 1))!
  assert.ok(Value.Check(ScoreCalibration, calibration))
  assert.ok(calibration.expectedCalibrationError < 0.02, String(calibration.expectedCalibrationError))
  assert.ok(calibrationError(calibration.curve, clouds(400, 2, 2))! < 0.03)
  // a curve of other pictures predicts something else
  assert.ok(calibrationError(calibration.curve, clouds(400, 6, 3))! > 0.05)
  assert.equal(calibration.positives + calibration.negatives, (400 * 399) / 2)
  assert.equal(calibration.expectedCalibrationError, Math.min(...Object.values(calibration.errorsTried)))
})

test('the probability never falls with the score, and its inverse finds the score', () => {
  const all = clouds(300, 2, 4)
  const curves = [calibrate(all)!.curve, { kind: 'logistic', slope: 9, intercept: -3 } as const]
  for (const curve of curves) {
    let before = 0
    for (let score = -1; score <= 1; score += 0.005) {
      const probability = probabilitySameLabel({ curve }, score)
      assert.ok(probability >= before && probability <= 1)
      before = probability
    }
    const score = scoreOfProbability({ curve }, 0.5)!
    assert.ok(probabilitySameLabel({ curve }, score) >= 0.5 && probabilitySameLabel({ curve }, score - 1e-3) < 0.5)
    assert.equal(scoreOfProbability({ curve }, 0), -1)
  }
  assert.equal(
    scoreOfProbability({ curve: { kind: 'isotonic', scores: [0, 1], probabilities: [0.1, 0.8] } }, 0.9),
    undefined,
  )
})

test('a score reaches its own probability', () => {
  const random = seededRandom(5)
  const curves: ProbabilityCurve[] = [
    { kind: 'logistic', slope: 20, intercept: -18 },
    { kind: 'isotonic', scores: [0.1, 0.5, 0.7, 0.9], probabilities: [0.01, 0.3, 0.3, 0.99] },
    { kind: 'isotonic', scores: [-0.9, -0.2, 0.4, 0.8], probabilities: [0.13025, 0.13025, 0.29506, 0.29507] },
    { kind: 'isotonic', scores: [-0.8, -0.4, 0.6], probabilities: [0.71357, 0.71358, 0.71359] },
  ]
  for (const curve of curves) {
    for (let i = 0; i < 2_000; i++) {
      const score = Math.fround(2 * random() - 1)
      assert.ok(
        scoreOfProbability({ curve }, probabilitySameLabel({ curve }, score))! <= score,
        `${curve.kind}, ${score}`,
      )
    }
  }
})

test('isotonic regression pools decreasing neighbours', () => {
  const bins: ScoreBin[] = [
    [0, 1, 99],
    [0.2, 40, 60],
    [0.3, 20, 80],
    [0.5, 90, 10],
  ].map(([score, positives, negatives]) => ({ score: score!, positives: positives!, negatives: negatives! }))
  const curve = fitCurve.isotonic(bins)
  assert.ok(curve.kind === 'isotonic')
  assert.deepEqual(curve.scores, [0, 0.25, 0.5])
  assert.deepEqual(
    curve.probabilities.map((value) => Number(value.toFixed(2))),
    [0.01, 0.3, 0.9],
  )
  assert.equal(probabilitySameLabel({ curve }, -1), curve.probabilities[0])
  assert.equal(probabilitySameLabel({ curve }, 1), curve.probabilities[2])
})

test('a logistic curve is recovered', () => {
  const bins = Array.from({ length: 60 }, (_, i) => {
    const score = i / 60
    const positives = 1e5 / (1 + Math.exp(-(7 * score - 4)))
    return { score, positives, negatives: 1e5 - positives }
  })
  const curve = fitCurve.logistic(bins)
  assert.ok(curve.kind === 'logistic' && Math.abs(curve.slope - 7) < 1e-6 && Math.abs(curve.intercept + 4) < 1e-6)
})

test('scores that say nothing get the share of matching pairs as their probability', () => {
  const opposed: ScoreBin[] = [
    { score: 0.97, positives: 90, negatives: 60 },
    { score: 0.98, positives: 40, negatives: 160 },
    { score: 0.99, positives: 20, negatives: 230 },
  ]
  const curve = fitCurve.logistic(opposed)
  for (const score of [-1, 0.97, 0.99, 1]) {
    const probability = probabilitySameLabel({ curve }, score)
    assert.ok(Math.abs(probability - 150 / 600) < 1e-9, `${score}: ${probability}`)
  }
  // labels by chance: a calibration from few pairs is not biased by halves in which they oppose the scores
  for (let seed = 1; seed <= 12; seed++) {
    const { labels, ...rows } = clouds(28, 0.1, seed, 8, 1)
    const images = { ...rows, labels: labels.map((_, i) => `label ${i % 4}`) }
    const { curve: fitted, sameLabelShare } = calibrate(images)!
    const stated = meanOf(pairScoresOf(images).map((score) => probabilitySameLabel({ curve: fitted }, score)))
    assert.ok(Math.abs(stated - sameLabelShare) < 0.06, `${seed}: ${stated} instead of ${sameLabelShare}`)
  }
})

function pairScoresOf({ embeddings, dimension, ids }: LabelledEmbeddings): number[] {
  const row = (i: number) => embeddings.subarray(i * dimension, (i + 1) * dimension)
  return ids.flatMap((_, first) =>
    ids
      .slice(first + 1)
      .map((_other, i) => row(first).reduce((sum, value, at) => sum + value * row(first + 1 + i)[at]!, 0)),
  )
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

test('a threshold passes as many false matches as allowed', () => {
  expectRates(clouds(300, 2, 5))
  // the same picture under every label, which no score tells apart
  const contradictory = clouds(300, 2, 5)
  contradictory.embeddings.fill(0, 0, 12 * 8)
  for (let row = 0; row < 12; row++) contradictory.embeddings[row * 8] = 1
  expectRates(contradictory)
})

function expectRates(images: LabelledEmbeddings): void {
  const calibration = calibrate(images)!
  for (const { falseMatchRate, score, matchRate } of calibration.thresholds) {
    const passed = { same: 0, different: 0 }
    for (let a = 0; a < 300; a++) {
      for (let b = a + 1; b < 300; b++) {
        let dot = 0
        for (let i = 0; i < 8; i++) dot += images.embeddings[a * 8 + i]! * images.embeddings[b * 8 + i]!
        if (dot >= score) passed[a % 4 === b % 4 ? 'same' : 'different']++
      }
    }
    assert.ok(passed.different / calibration.negatives <= falseMatchRate)
    assert.ok(Math.abs(passed.same / calibration.positives - matchRate) < 0.001)
  }
}

test("a rate's threshold is a measured one, the strictest if no rate is given, and never invented", () => {
  const thresholds = [0.1, 0.001, 0.01].map((falseMatchRate) => ({
    falseMatchRate,
    score: 1 - falseMatchRate,
    matchRate: falseMatchRate,
  }))
  assert.equal(thresholdOf({ thresholds }, 0.01)?.score, 0.99)
  assert.equal(thresholdOf({ thresholds })?.falseMatchRate, 0.001)
  assert.equal(thresholdOf({ thresholds }, 0.02), undefined)
  assert.equal(thresholdOf({ thresholds: [] }), undefined)
})

test('without pairs of both kinds there is nothing to calibrate', () => {
  assert.equal(calibrate({ ...clouds(20, 1, 6), labels: Array.from({ length: 20 }, () => 'same') }), null)
})

test('few pairs give a wider curve that says so, and a picture almost certainly shares its label with itself', () => {
  const few = clouds(36, 5, 7, 8, 12)
  const calibration = calibrate(few)!
  assert.ok(Value.Check(ScoreCalibration, calibration))
  assert.ok(calibration.positives < 50 && calibration.widened === true)
  assert.deepEqual(basisOf(calibration), {
    split: 'val',
    positivePairs: 36,
    negativePairs: 594,
    reliable: false,
    widened: true,
  })
  assert.ok(probabilitySameLabel(calibration, 1) > 0.97)
  let before = 0
  for (let score = -1; score <= 1; score += 0.005) {
    const probability = probabilitySameLabel(calibration, score)
    assert.ok(probability >= before - 1e-12 && probability < 0.99, `${score}: ${before}, ${probability}`)
    before = probability
  }
  assert.deepEqual(calibrate(few), calibration)
})

test('on other pictures a widened curve has smaller errors than one fitted to its few pairs', () => {
  const many = clouds(300, 4, 1, 8, 6)
  const seeds = Array.from({ length: 12 }, (_, i) => i + 20)
  const mean = (errors: number[]) => errors.reduce((sum, error) => sum + error, 0) / errors.length
  const errorOf = (curveOf: (few: LabelledEmbeddings) => ProbabilityCurve) =>
    mean(seeds.map((seed) => calibrationError(curveOf(clouds(24, 4, seed, 8, 6)), many)!))
  const widened = errorOf((few) => calibrate(few)!.curve)
  const fitted = (['logistic', 'isotonic'] as const).map((kind) => errorOf((few) => fitCurve[kind](pairsOf(few))))
  assert.ok(
    fitted.every((error) => widened < error),
    `${widened}; ${fitted}`,
  )
})

test('a widened curve tells pairs apart that their scores tell apart', () => {
  const held = pairsOf(clouds(300, 1.2, 1))
  const logLoss = (probabilityOf: (score: number) => number) =>
    meanOf(
      held.map(({ score, positives }) => -Math.log(positives === 1 ? probabilityOf(score) : 1 - probabilityOf(score))),
    )
  for (let seed = 30; seed < 38; seed++) {
    const calibration = calibrate(clouds(28, 1.2, seed))!
    assert.equal(calibration.widened, true)
    const [stated, share] = [
      logLoss((score) => probabilitySameLabel(calibration, score)),
      logLoss(() => calibration.sameLabelShare),
    ]
    assert.ok(stated < 0.7 * share, `${seed}: ${stated}, and ${share} without the score`)
  }
})

test('with enough pairs nothing is widened', () => {
  const calibration = calibrate(clouds(100, 2, 8))!
  assert.ok(calibration.positives >= 500 && !('widened' in calibration))
  assert.deepEqual(basisOf(calibration).reliable, true)
  assert.equal('widened' in basisOf(calibration), false)
})

function pairsOf(images: LabelledEmbeddings): ScoreBin[] {
  const bins: ScoreBin[] = []
  for (let a = 0; a < images.ids.length; a++) {
    for (let b = a + 1; b < images.ids.length; b++) {
      let score = 0
      for (let i = 0; i < images.dimension; i++)
        score += images.embeddings[a * images.dimension + i]! * images.embeddings[b * images.dimension + i]!
      const same = Number(images.labels[a] === images.labels[b])
      bins.push({ score, positives: same, negatives: 1 - same })
    }
  }
  return bins.sort((x, y) => x.score - y.score)
}
