/** Settings: a second embedding set for a gallery, and what it has to show before it serves. */
import { Type } from 'typebox'

export const modelChangeSettings = {
  reEmbeddingRateMax: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 100_000,
    description:
      'Pictures that a gallery’s change of model embeds in a second at most; 0: as many as there is room for behind searches.',
  }),
  reEmbeddingJobsMax: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 10_000,
    description: 'Changes of model that may wait or run; one more is refused with 503.',
  }),
  setKeptDays: Type.Number({
    default: 7,
    minimum: 0,
    maximum: 3650,
    description:
      'Days for which the embedding set that served a gallery is kept up to date for a roll back; then it is removed.',
  }),
  setChangedMax: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 100_000_000,
    description:
      'Changed pictures of a gallery that wait to be brought to its other embedding set; beyond them both sets are compared as a whole.',
  }),
  shadowSearchEvery: Type.Integer({
    default: 20,
    minimum: 0,
    maximum: 1_000_000_000,
    description:
      'Of a gallery with two embedding sets, one search in so many is answered by the other one, too, in the background, for overlap and latency in the metrics; 0: none.',
  }),
  gateQueries: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 2_000,
    description: 'Stored pictures that are queries when two embedding sets are judged side by side.',
  }),
  gateMapLossMax: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description: 'How much lower mAP@10 of a set may be, at the worse end of its interval, before it may not serve.',
  }),
  gateRankLossMax: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description: 'How much higher the normalised mean rank may be, at the worse end of its interval.',
  }),
  gateOverlapMin: Type.Number({
    default: 0.2,
    minimum: 0,
    maximum: 1,
    description: 'Least overlap@10 of the two sets of a gallery without labels, or with a few.',
  }),
  gateReplayOverlapMin: Type.Number({
    default: 0.1,
    minimum: 0,
    maximum: 1,
    description:
      'Least overlap@10 of the two sets on kept queries (`keepQueries`), where labels decide; without labels it is `GATE_OVERLAP_MIN`.',
  }),
  gateCopiesLossMax: Type.Number({
    default: 0.02,
    minimum: 0,
    maximum: 1,
    description: 'By how much the share of near-copies among the ten best hits may be lower.',
  }),
}
