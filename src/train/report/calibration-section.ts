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
    ? ' The curve is the mean of curves fitted to many random halves of the pictures: it is flatter than a fit to these pairs alone, and rises to nearly 1 for a picture compared with itself. The errors are those of the curve before averaging.'
    : ''
  const warning = reliable
    ? ''
    : ` **Fewer than ${reliablePairsMin} pairs of either kind: do not rely on this.**${widening}`
  const rows = thresholds.map(({ falseMatchRate, score, matchRate }) => [
    String(falseMatchRate),
    share(score),
    share(matchRate),
  ])
  return `## What a score means

The probability that two pictures share a label, as a function of their score, fitted (${widened ? 'logistic' : curve.kind}) to ${positives + negatives} pairs of val pictures, ${positives} with the same label and ${negatives} with different labels.${warning} Expected calibration error ${expectedCalibrationError.toFixed(4)} on held-out pairs (tried: ${tried})${onTest}. ${half === undefined ? 'No score reaches a probability of one half.' : `A probability of one half is reached at a score of ${share(half)}.`} This applies if ${share(sameLabelShare)} of all pairs share a label, as in this data; the probability is higher if matching pairs are more frequent, and lower if they are rarer.

![Probability by score, and predicted against observed probability](${plotsFolder}/${plotFiles.calibration})

${table(['allowed false match rate', 'minimum score', 'match rate'], rows)}`
}
