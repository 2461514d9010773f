/** The section of a model card on the meaning of a score. */
import type { ModelManifest } from '../../embedding/model-manifest.js'
import { basisOf, reliablePairsMin, scoreOfProbability } from '../../eval/score-calibration.js'
import { share, table } from './markdown.js'
import type { ModelMetrics } from './model-metrics.js'
import { plotFiles, plotsFolder } from './plots.js'

export function calibrationSection({ calibration }: ModelManifest, { calibration: measured }: ModelMetrics): string {
  if (calibration === undefined) return ''
  const { curve, positives, negatives, sameLabelShare, expectedCalibrationError, errorsTried, thresholds } = calibration
  const tried = Object.entries(errorsTried)
    .map(([kind, error]) => `${kind} ${error.toFixed(4)}`)
    .join(', ')
  const onTest = measured?.testError == null ? '' : ` and ${measured.testError.toFixed(4)} on pairs of test pictures`
  const half = scoreOfProbability(calibration, 0.5)
  const { reliable, widened } = basisOf(calibration)
  const widening = widened
    ? ' The curve is the mean of those of many random halves of the pictures: it is wider than the pairs alone would make it, and rises to near 1 for a picture and itself. The errors are those of the curve before.'
    : ''
  const warning = reliable
    ? ''
    : ` **Fewer than ${reliablePairsMin} pairs of either kind: not to be relied on.**${widening}`
  const rows = thresholds.map(({ falseMatchRate, score, matchRate }) => [
    String(falseMatchRate),
    share(score),
    share(matchRate),
  ])
  return `## What a score means

The probability that two pictures share a label, as a function of their score, fitted (${curve.kind}) to ${positives + negatives} pairs of val pictures, ${positives} of one label and ${negatives} of two.${warning} Expected calibration error ${expectedCalibrationError.toFixed(4)} on held-out pairs (tried: ${tried})${onTest}. ${half === undefined ? 'No score reaches a probability of one half.' : `A probability of one half is reached at a score of ${share(half)}.`} It holds where ${share(sameLabelShare)} of all pairs share a label, as in this data; where labels are more frequent it is higher, where they are rarer lower.

![Probability by score, and stated against found probability](${plotsFolder}/${plotFiles.calibration})

${table(['false matches allowed', 'score from', 'matches found'], rows)}`
}
