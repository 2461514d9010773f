/** Why a picture matched: request and answer. */
import { type Static, Type } from 'typebox'
import {
  basisOf,
  probabilitySameLabel,
  type ScoreCalibration,
  scoreOfProbability,
} from '../../eval/score-calibration.js'
import type { Explained } from '../../explain.js'
import type { Answered } from '../typed-app.js'
import { Calibration } from './calibration.js'
import { Base64Image, BinaryImage, exampleBase64, ImageUrl } from './image-body.js'
import { named, reference } from './named.js'
import { GalleryName, ImageId, Label, UnfilledImageId } from './parameters.js'
import { Region, regionText } from './region.js'

const hit = { ...ImageId, description: 'Id of the stored picture to explain, usually a hit.' }
const imageId = Type.Optional({
  ...UnfilledImageId,
  description: 'Use this stored picture as the query instead of an uploaded one.',
})

export const ExplainParameters = Type.Object(
  { hit: Type.Optional(hit), imageId, region: Type.Optional(regionText) },
  { additionalProperties: false },
)
export const ExplainForm = Type.Object({ image: BinaryImage, ...ExplainParameters.properties })
export const ExplainBody = Type.Object(
  {
    image: Type.Optional(Base64Image),
    url: Type.Optional(ImageUrl),
    imageId,
    hit: Type.Optional(hit),
    region: Type.Optional(Region),
  },
  {
    additionalProperties: false,
    examples: [
      { imageId: 'cycling/Image_12.jpg', hit: 'cycling/Image_7.jpg' },
      { image: exampleBase64, hit: 'cycling/Image_7.jpg' },
    ],
  },
)
export type ExplainGiven = Static<typeof ExplainParameters> | Static<typeof ExplainBody>

const Score = (description: string) => Type.Number({ description })

const Area = Type.Object(
  { x: Type.Number(), y: Type.Number(), width: Type.Number(), height: Type.Number() },
  {
    description: 'The part of the upright picture that the grid covers, in fractions of its sides: what the model saw.',
  },
)

const Side = Type.Object({
  from: Type.Enum(['picture', 'thumbnail'], {
    type: 'string',
    description:
      '`picture`: the uploaded picture, or the original of the stored one. `thumbnail`: the stored thumbnail, if no original is kept; it has less detail.',
  }),
  grid: Type.Array(Type.Array(Type.Number()), {
    description:
      'The contribution of each cell to the score, in rows from the top, each from the left. They add up to `sum`.',
  }),
  area: Area,
  sum: Score(
    'What the grid sums to: `score`, or `ownScore` where the two are too far apart for one to stand for the other.',
  ),
  ownScore: Score('Score of the pixels that the grid covers against the other picture.'),
  likeness: Score(
    'Cosine between the embedding of these pixels and the one that was compared: how well the grid represents it. 1 for an uploaded picture, about 1 for an original.',
  ),
})

const Neighbour = Type.Object({
  label: Label,
  votes: Type.Integer({ description: 'Voting pictures with this label.' }),
  share: Type.Number({ description: 'Share of the votes, 0 to 1.' }),
  bestScore: Score('Score of the nearest one.'),
  bestId: ImageId,
})

const Needed = Type.Object({
  pSame: Type.Number({ description: 'Probability that query and hit share a label.' }),
  score: Type.Union([Type.Number(), Type.Null()], {
    description: 'The lowest score with this probability; null: none has it.',
  }),
})

const Threshold = Type.Object({
  falseMatchRate: Type.Number({ description: 'Share of different-label pairs that reach the score, on val pictures.' }),
  score: Type.Number(),
  matchRate: Type.Number({ description: 'Share of same-label pairs that reach it.' }),
  falseMatchesExpected: Type.Number({ description: 'The rate times the number of pictures compared.' }),
  reached: Type.Boolean({ description: 'Whether the nearest picture of the gallery reaches it.' }),
})

export const Explanation = named(
  'Explanation',
  Type.Object(
    {
      gallery: GalleryName,
      modelId: Type.String(),
      score: Score(
        'Cosine of the query and the stored embedding of the hit, as a search with one view of the query gives it.',
      ),
      pSame: Type.Optional(
        Type.Number({ description: 'Probability that both share a label; absent without calibration.' }),
      ),
      query: Type.Union([Side, Type.Null()], {
        description: 'Which parts of the query the score comes from; null for a stored picture without a thumbnail.',
      }),
      hit: Type.Object({
        id: ImageId,
        label: Type.Union([Label, Type.Null()]),
        places: Type.Union([Side, Type.Null()], {
          description: 'Which parts of the hit it comes from; null if the hit has no thumbnail.',
        }),
      }),
      neighbours: Type.Object(
        {
          asked: Type.Integer({ description: 'Nearest pictures whose labels were counted.' }),
          labels: Type.Array(Neighbour, { description: 'Most votes first, then nearest; at most ten.' }),
        },
        { description: 'The labels of the pictures nearest to the query.' },
      ),
      match: Type.Union(
        [
          Type.Object({
            bestScore: Type.Union([Type.Number(), Type.Null()], {
              description: 'Score of the nearest picture; null: there is none.',
            }),
            needed: Type.Array(Needed),
            thresholds: Type.Array(Threshold, { description: 'The thresholds used by votes, strictest first.' }),
          }),
          Type.Null(),
        ],
        { description: 'The scores needed for a match; null without calibration.' },
      ),
      calibration: Type.Optional(reference(Calibration)),
    },
    {
      description: 'Which regions a score comes from, and how far it can be trusted.',
      examples: [
        {
          gallery: 'holidays',
          modelId: '5d1c0a7b9e3f4a62',
          score: 0.9312,
          pSame: 0.9714,
          query: {
            from: 'picture',
            grid: [
              [0.11, 0.3012],
              [0.2, 0.32],
            ],
            area: { x: 0.125, y: 0, width: 0.75, height: 1 },
            sum: 0.9312,
            ownScore: 0.9312,
            likeness: 1,
          },
          hit: {
            id: 'cycling/Image_7.jpg',
            label: 'cycling',
            places: {
              from: 'thumbnail',
              grid: [
                [0.15, 0.31],
                [0.2, 0.2712],
              ],
              area: { x: 0, y: 0.1, width: 1, height: 0.8 },
              sum: 0.9312,
              ownScore: 0.9264,
              likeness: 0.9921,
            },
          },
          neighbours: {
            asked: 50,
            labels: [{ label: 'cycling', votes: 46, share: 0.92, bestScore: 0.9312, bestId: 'cycling/Image_7.jpg' }],
          },
          match: {
            bestScore: 0.9312,
            needed: [{ pSame: 0.5, score: 0.7021 }],
            thresholds: [
              { falseMatchRate: 0.001, score: 0.8706, matchRate: 0.0685, falseMatchesExpected: 1.89, reached: true },
            ],
          },
          calibration: { split: 'val', positivePairs: 52_277, negativePairs: 740_880, reliable: true },
        },
      ],
    },
  ),
)

/** Probabilities whose scores are returned. */
const probabilitiesNeeded = [0.5, 0.8, 0.95]

export function explanationView(
  gallery: string,
  { modelId, score, query, hit, neighbours, bestScore, compared }: Explained,
  calibration: ScoreCalibration | undefined,
): Answered<typeof Explanation> {
  const { id, label } = hit.record
  return {
    gallery,
    modelId,
    score,
    query,
    hit: { id, label, places: hit.places },
    neighbours,
    match: calibration ? matchOf(calibration, bestScore, compared) : null,
    pSame: calibration && probabilitySameLabel(calibration, score),
    calibration: calibration && basisOf(calibration),
  }
}

function matchOf(calibration: ScoreCalibration, bestScore: number | null, compared: number) {
  return {
    bestScore,
    needed: probabilitiesNeeded.map((pSame) => ({ pSame, score: scoreOfProbability(calibration, pSame) ?? null })),
    thresholds: calibration.thresholds
      .toSorted((a, b) => a.falseMatchRate - b.falseMatchRate)
      .map((threshold) => ({
        ...threshold,
        falseMatchesExpected: threshold.falseMatchRate * compared,
        reached: bestScore !== null && bestScore >= threshold.score,
      })),
  }
}
