/** Settings: a second embedding set for a gallery, and the requirements before it serves. */
import { Type } from 'typebox'

export const modelChangeSettings = {
  reEmbeddingRateMax: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 100_000,
    description:
      'Maximum pictures per second embedded for a gallery’s change of model; 0: as many as searches leave capacity for.',
  }),
  reEmbeddingJobsMax: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 10_000,
    description:
      'Maximum number of model changes waiting or running, and of moves to another engine; further ones get 429.',
  }),
  setKeptDays: Type.Number({
    default: 7,
    minimum: 0,
    maximum: 3650,
    description:
      'Days for which a gallery’s previous embedding set is kept up to date for a rollback before it is deleted.',
  }),
  setChangedMax: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 100_000_000,
    description:
      'Changed pictures remembered individually until they are applied to a gallery’s other embedding set; beyond that the two sets are compared as a whole.',
  }),
  shadowSearchEvery: Type.Integer({
    default: 20,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'In a gallery with two embedding sets, one in this many searches is repeated in the other set in the background, for overlap and latency metrics; 0: none.',
  }),
  gateQueries: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 2_000,
    description: 'Number of stored pictures used as queries when two embedding sets are compared.',
  }),
  gateMapLossMax: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description:
      'Maximum loss of mAP@10, at the worse end of its confidence interval, for a set to pass the quality gate.',
  }),
  gateRankLossMax: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description: 'Maximum increase of the normalised mean rank, at the worse end of its confidence interval.',
  }),
  gateOverlapMin: Type.Number({
    default: 0.2,
    minimum: 0,
    maximum: 1,
    description: 'Minimum overlap@10 of the two sets of a gallery with no or few labels.',
  }),
  gateReplayOverlapMin: Type.Number({
    default: 0.1,
    minimum: 0,
    maximum: 1,
    description:
      'Minimum overlap@10 of the two sets on kept queries (`keepQueries`), if labels decide; without labels it is `GATE_OVERLAP_MIN`.',
  }),
  gateCopiesLossMax: Type.Number({
    default: 0.02,
    minimum: 0,
    maximum: 1,
    description: 'Maximum loss in the share of near-copies among the ten best hits.',
  }),
}
