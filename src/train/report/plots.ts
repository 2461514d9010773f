/** The plots of a model card: confusion, classes, pair distances, calibration. */
import type { TopLevelSpec } from 'vega-lite'
import type { ModelManifest } from '../../embedding/model-manifest.js'
import type { ClassificationQuality } from '../../eval/classification.js'
import type { DistanceHistogram } from '../../eval/pairs.js'
import type { RetrievalQuality } from '../../eval/quality.js'
import { probabilitySameLabel, type ScoreCalibration } from '../../eval/score-calibration.js'
import { isMeasured } from './judge-exported.js'
import type { ModelMetrics } from './model-metrics.js'
import { renderPlot } from './plot.js'

/** Relative to the model folder. */
export const plotsFolder = 'plots'
export const plotFiles = {
  confusion: 'confusion.svg',
  classes: 'classes.svg',
  distances: 'distances.svg',
  calibration: 'calibration.svg',
} as const

/** File name → SVG; only for what was measured. */
export async function drawPlots(
  { calibration }: ModelManifest,
  { classification, pairs, protocols: { A } }: ModelMetrics,
): Promise<Map<string, string>> {
  const specs = new Map<string, TopLevelSpec>()
  if (isMeasured(classification)) specs.set(plotFiles.confusion, confusionPlot(classification))
  if (isMeasured(classification) && isMeasured(A)) specs.set(plotFiles.classes, classesPlot(classification, A))
  if (isMeasured(pairs)) specs.set(plotFiles.distances, distancesPlot(pairs.distances))
  if (calibration !== undefined) specs.set(plotFiles.calibration, calibrationPlot(calibration))
  const drawn = new Map<string, string>()
  for (const [file, spec] of specs) drawn.set(file, await renderPlot(spec))
  return drawn
}

/** The colour scheme's for a share of zero. */
const noShare = 'rgb(207, 225, 242)'

/**
 * Rows are normalised, so that rare classes are as visible as frequent ones. Empty cells are not drawn: most of them
 * are empty.
 */
function confusionPlot({ classes, confused, confusion, perClass }: ClassificationQuality): TopLevelSpec {
  const order = confused ?? classes
  const values = confusion.flatMap((row, place) => {
    const truth = order[place]!
    return row.flatMap((count, named) =>
      count === 0 ? [] : [{ truth, named: order[named], share: count / perClass[truth]!.support }],
    )
  })
  const scale = { domain: order }
  return {
    title: `Predicted classes of the pictures of ${confused === undefined ? 'each class' : 'the most confused classes'}`,
    height: 420,
    view: { fill: noShare },
    data: { values },
    encoding: {
      y: { field: 'truth', type: 'nominal', scale, title: 'true class' },
      x: { field: 'named', type: 'nominal', scale, title: 'predicted class' },
    },
    layer: [
      {
        mark: 'rect',
        encoding: {
          color: { field: 'share', type: 'quantitative', scale: { scheme: 'blues', domain: [0, 1] }, title: 'share' },
        },
      },
      {
        transform: [{ filter: 'datum.share >= 0.05' }],
        mark: { type: 'text', fontSize: 9 },
        encoding: {
          text: { field: 'share', type: 'quantitative', format: '.0%' },
          color: { condition: { test: 'datum.share > 0.5', value: 'white' }, value: 'black' },
        },
      },
    ],
  }
}

/** Classes ordered from best to worst retrieval. */
function classesPlot(
  { classes, perClass }: ClassificationQuality,
  { perClass: retrieved }: RetrievalQuality,
): TopLevelSpec {
  const of = (name: string) => retrieved[name]?.['mAP@10'] ?? null
  const order = [...classes].sort((a, b) => (of(b) ?? 0) - (of(a) ?? 0))
  const values = order.flatMap((name) => [
    { name, what: 'mAP@10 (A)', value: of(name) },
    { name, what: 'F1', value: perClass[name]!.f1 },
  ])
  return {
    title: 'Retrieval and classification per class',
    height: { step: 10 },
    data: { values },
    mark: 'bar',
    encoding: {
      // `sort` fails with names of members of every object, such as "constructor"
      y: { field: 'name', type: 'nominal', scale: { domain: order }, title: null },
      yOffset: { field: 'what', sort: ['mAP@10 (A)', 'F1'] },
      x: { field: 'value', type: 'quantitative', scale: { domain: [0, 1] }, title: null },
      color: {
        field: 'what',
        type: 'nominal',
        sort: ['mAP@10 (A)', 'F1'],
        title: null,
        scale: { range: ['#1f5fa8', '#9ec3e6'] },
      },
    },
  }
}

/** Shares per kind, so that the few pairs of one class are as visible as the many of two. */
function distancesPlot({ binWidth, positives, negatives }: DistanceHistogram): TopLevelSpec {
  const kinds = [
    { kind: 'the same class', shares: positives },
    { kind: 'different classes', shares: negatives },
  ]
  const values = kinds.flatMap(({ kind, shares }) =>
    shares.map((share, bin) => ({ kind, from: bin * binWidth, to: (bin + 1) * binWidth, share })),
  )
  return {
    title: 'Distance between two pictures',
    height: 200,
    data: { values },
    mark: { type: 'bar', opacity: 0.6 },
    encoding: {
      x: { field: 'from', type: 'quantitative', bin: 'binned', title: 'Euclidean distance of the embeddings' },
      x2: { field: 'to' },
      y: { field: 'share', type: 'quantitative', stack: null, title: 'share of pairs', axis: { format: '%' } },
      color: {
        field: 'kind',
        type: 'nominal',
        sort: ['the same class', 'different classes'],
        title: 'pairs of pictures of',
        scale: { range: ['#1f5fa8', '#d9822b'] },
      },
    },
  }
}

/** Left: the calibration curve. Right: predicted against observed probabilities on held-out pairs. */
function calibrationPlot(calibration: ScoreCalibration): TopLevelSpec {
  const curve = Array.from({ length: 201 }, (_, i) => ({
    score: i / 100 - 1,
    probability: probabilitySameLabel(calibration, i / 100 - 1),
  }))
  const share = { domain: [0, 1] }
  return {
    title: 'Probability that two pictures share a label',
    hconcat: [
      {
        width: 240,
        data: { values: curve },
        mark: 'line',
        encoding: {
          x: { field: 'score', type: 'quantitative', title: 'score' },
          y: { field: 'probability', type: 'quantitative', scale: share, title: 'probability' },
        },
      },
      {
        width: 240,
        layer: [
          {
            data: { values: [{ at: 0 }, { at: 1 }] },
            mark: { type: 'line', color: '#999', strokeDash: [4, 4] },
            encoding: { x: { field: 'at', type: 'quantitative' }, y: { field: 'at', type: 'quantitative' } },
          },
          {
            data: { values: calibration.reliability },
            mark: { type: 'circle', opacity: 1 },
            encoding: {
              x: { field: 'stated', type: 'quantitative', scale: share, title: 'predicted probability' },
              y: { field: 'found', type: 'quantitative', scale: share, title: 'observed share' },
              size: { field: 'pairs', type: 'quantitative', title: 'pairs', scale: { type: 'log', range: [12, 160] } },
            },
          },
        ],
      },
    ],
  }
}
