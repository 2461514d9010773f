/** Parameters of the analyses, with defaults and bounds. */
import { type Static, Type } from 'typebox'
import { defaultDuplicateScore } from '../../copies/near-copy-score.js'
import { expandMax } from '../../eval/ranking.js'

const seed = 1
const limit = 100
const evaluateDefaults = { sample: 2_000, seed, efs: [16, 64, 128, 256] }
const duplicatesDefaults = { duplicateScore: defaultDuplicateScore, limit }
const doctorDefaults = { k: 10, duplicateScore: defaultDuplicateScore, limit }
const layoutDefaults = { sample: 5_000, neighbours: 15, seed }

const Seed = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: 2 ** 32 - 1,
    default: seed,
    description: 'Seed of the samples; the same seed draws the same ones as long as the gallery does not change.',
  }),
)
const Limit = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: limit,
    description: 'Maximum number of entries in each list; counts are complete.',
  }),
)

const DuplicateScore = Type.Optional(
  Type.Number({
    minimum: 0,
    maximum: 1,
    default: defaultDuplicateScore,
    description: 'Minimum near-copy score of two near-copies; identical files always are.',
  }),
)

export const EvaluateParameters = Type.Object(
  {
    sample: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 20_000,
        default: evaluateDefaults.sample,
        description: 'Maximum number of queries; of a larger gallery, that many are drawn.',
      }),
    ),
    seed: Seed,
    duplicateScore: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'Minimum near-copy score of a picture to count as a copy of the query, which is never a hit. Default: only identical files are copies.',
      }),
    ),
    expand: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: expandMax,
        description:
          'Expand each query by this many of its best hits, as a search does, but never by its copies. Default: queries are not expanded.',
      }),
    ),
    efs: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 10_000 }), {
        maxItems: 8,
        default: evaluateDefaults.efs,
        description: 'Values of `ef` at which the recall of the index is measured, in addition to the default.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ sample: 2_000, seed: 1, efs: [64, 256] }] },
)

export const DuplicatesParameters = Type.Object(
  { duplicateScore: DuplicateScore, limit: Limit },
  { additionalProperties: false, examples: [{ duplicateScore: defaultDuplicateScore, limit: 100 }] },
)

export const DoctorParameters = Type.Object(
  {
    k: Type.Optional(
      Type.Integer({
        minimum: 5,
        maximum: 100,
        default: doctorDefaults.k,
        description: 'Number of neighbours that vote on a label and count for hubs.',
      }),
    ),
    duplicateScore: DuplicateScore,
    limit: Limit,
  },
  { additionalProperties: false, examples: [{ k: 10, limit: 100 }] },
)

export const LayoutParameters = Type.Object(
  {
    sample: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 20_000,
        default: layoutDefaults.sample,
        description: 'Maximum number of pictures laid out by UMAP; the others are placed among their nearest of these.',
      }),
    ),
    neighbours: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 100,
        default: layoutDefaults.neighbours,
        description: 'Number of neighbours of each picture: few show small groups, many the overall shape.',
      }),
    ),
    seed: Seed,
  },
  { additionalProperties: false, examples: [{ sample: 5_000, neighbours: 15, seed: 1 }] },
)

/** An analysis with all defaults filled in, as stored with its job. */
export type AnalysisTask =
  | { kind: 'evaluate'; sample: number; seed: number; duplicateScore?: number; expand?: number; efs: number[] }
  | { kind: 'duplicates'; duplicateScore: number; limit: number }
  | { kind: 'doctor'; k: number; duplicateScore: number; limit: number }
  | { kind: 'layout'; sample: number; neighbours: number; seed: number }

export function evaluateTask(given: Static<typeof EvaluateParameters>): AnalysisTask {
  return { kind: 'evaluate', ...evaluateDefaults, ...given }
}

export function duplicatesTask(given: Static<typeof DuplicatesParameters>): AnalysisTask {
  return { kind: 'duplicates', ...duplicatesDefaults, ...given }
}

export function doctorTask(given: Static<typeof DoctorParameters>): AnalysisTask {
  return { kind: 'doctor', ...doctorDefaults, ...given }
}

export function layoutTask(given: Static<typeof LayoutParameters>): AnalysisTask {
  return { kind: 'layout', ...layoutDefaults, ...given }
}
