/** Results of analyses as callers see them. Parameters and results themselves are defined in `analysis/findings/`. */
import { Type } from 'typebox'
import { DoctorResult, DuplicateResult, EvaluationResult, LayoutResult } from '../../analysis/findings/results.js'
import { named } from './named.js'

const numbers = {
  'mAP@1': 0.503,
  'mAP@10': 0.403,
  'mAP@50': 0.346,
  'mAP@R': 0.262,
  'recall@1': 0.503,
  'recall@5': 0.711,
  'recall@10': 0.79,
  rPrecision: 0.371,
  mrr: 0.602,
  medianFirstRank: 1,
  meanRank: 402.6,
  normalisedMeanRank: 0.184,
  knnAccuracy: 0.561,
}
const about = { gallery: 'holidays', modelId: '5d1c0a7b9e3f4a62' }
const copies = [
  {
    id: 'cycling/Image_12.jpg',
    label: 'cycling',
    contentHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    nearCopyScore: 0.8828,
  },
  {
    id: 'running/IMG_0412.jpg',
    label: 'running',
    contentHash: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
    nearCopyScore: 0.8828,
  },
]

export const Evaluation = named(
  'Evaluation',
  Type.Object(EvaluationResult.properties, {
    description:
      'Retrieval quality on the gallery’s own labels, with each picture querying all others; and the recall of the index against exact search.',
    examples: [
      {
        kind: 'evaluate',
        ...about,
        quality: {
          pictures: 1890,
          labelled: 1890,
          sampled: 1890,
          seed: 1,
          duplicateScore: null,
          queries: 1890,
          queriesWithoutRelevant: 0,
          overall: numbers,
          intervals: { 'mAP@1': [0.481, 0.525], 'mAP@10': [0.386, 0.42] },
          perLabel: [{ label: 'cycling', queries: 126, ...numbers, 'mAP@1': 0.786 }],
          labelsLeftOut: 0,
          judged: {
            judgements: 418,
            queries: 57,
            hits: 391,
            'ndcg@10': { mean: 0.914, interval: [0.872, 0.951], queries: 52 },
            'precision@10': { mean: 0.703, interval: [0.634, 0.768], queries: 55 },
            'judged@10': { mean: 0.512, interval: [0.447, 0.579], queries: 57 },
          },
          worst: [{ id: 'eating/Image_77.jpg', label: 'eating', 'mAP@10': 0, firstRank: 214, votedLabel: 'drinking' }],
          confusions: [{ label: 'eating', votedLabel: 'drinking', queries: 31 }],
        },
        index: {
          k: 10,
          queries: 500,
          default: { recall: 0.997, byGraph: 1 },
          atEf: [
            { ef: 16, recall: 0.934, byGraph: 1 },
            { ef: 256, recall: 1, byGraph: 1 },
          ],
        },
      },
    ],
  }),
)

export const Duplicates = named(
  'Duplicates',
  Type.Object(DuplicateResult.properties, {
    description: 'Groups of near-copies.',
    examples: [
      {
        kind: 'duplicates',
        ...about,
        pictures: 1890,
        duplicateScore: 0.4,
        notCompared: 0,
        count: 1,
        copies: 1,
        groups: [{ size: 2, identical: false, images: copies }],
      },
    ],
  }),
)

export const Diagnosis = named(
  'Diagnosis',
  Type.Object(DoctorResult.properties, {
    description: 'Possible problems of a gallery; each list is limited, most likely problems first.',
    examples: [
      {
        kind: 'doctor',
        ...about,
        pictures: 1890,
        k: 10,
        duplicateScore: 0.4,
        conflicts: {
          count: 1,
          groups: [{ labels: ['cycling', 'running'], size: 2, identical: false, images: copies }],
        },
        doubts: {
          judged: 1890,
          count: 1,
          images: [
            {
              id: 'eating/Image_77.jpg',
              label: 'eating',
              likelyLabel: 'drinking',
              margin: 0.9,
              ownShare: 0,
              likelyShare: 0.9,
              witnesses: [{ id: 'drinking/Image_3.jpg', score: 0.9412 }],
            },
          ],
        },
        hubs: {
          k: 10,
          skewness: 1.31,
          meanOccurrences: 10,
          count: 1,
          neverFound: 31,
          images: [{ id: 'sitting/Image_9.jpg', label: 'sitting', occurrences: 71, otherLabelShare: 0.83 }],
        },
        outliers: {
          medianScore: 0.9537,
          belowScore: 0.8641,
          count: 1,
          images: [{ id: 'texting/scan.png', label: 'texting', score: 0.6128, nearestId: 'sleeping/Image_4.jpg' }],
        },
      },
    ],
  }),
)

export const LaidOut = named(
  'LaidOut',
  Type.Object(LayoutResult.properties, {
    description: 'A layout was computed; its points are under `/v1/galleries/{gallery}/layout`.',
    examples: [{ kind: 'layout', ...about, pictures: 1890, sampled: 1890 }],
  }),
)
