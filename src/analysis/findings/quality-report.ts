/** The report of an evaluation: quality by labels and by human judgements, and the recall of the index. */
import { type Static, Type } from 'typebox'
import { Count, Id, Share } from './report-values.js'

const NullableNumber = Type.Union([Type.Number(), Type.Null()])

/** Quality numbers by name: `mAP@10`, `recall@5`, `meanRank`, …; null if not defined for every query. */
const Numbers = Type.Record(Type.String(), NullableNumber, {
  description:
    'mAP@1, mAP@10, mAP@50, mAP@R, recall@1, recall@5, recall@10, rPrecision, mrr, medianFirstRank, meanRank, normalisedMeanRank, knnAccuracy. Means over queries; null without any.',
})

const VerdictMean = (description: string) =>
  Type.Object(
    {
      mean: Type.Union([Share('Over these queries.'), Type.Null()], { description: 'null without queries.' }),
      interval: Type.Optional(
        Type.Array(Type.Number(), {
          minItems: 2,
          maxItems: 2,
          description: '95 % bootstrap interval over these queries.',
        }),
      ),
      queries: Count('Queries that have this number.'),
    },
    { description },
  )

export const VerdictReport = Type.Object(
  {
    judgements: Count('Judgements that were read.'),
    queries: Count('Stored pictures with judged hits, which query all others; at most `sample`.'),
    hits: Count(
      'Judged hits of these queries, each counted once, with the verdict of the majority; without copies of the query, and without hits that as many people call right as wrong.',
    ),
    'ndcg@10': VerdictMean('nDCG of the first ten judged hits, leaving out all others; over queries with a right hit.'),
    'precision@10': VerdictMean('Share of right hits among the judged ones in the first ten.'),
    'judged@10': VerdictMean('Share of the first ten hits that were judged.'),
  },
  {
    description: 'Quality according to judgements of hits (feedback), independent of labels; absent if there are none.',
  },
)
export type VerdictReport = Static<typeof VerdictReport>

export const QualityReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  labelled: Count('Those with a label; the others take no part.'),
  sampled: Count('Pictures drawn as queries.'),
  seed: Type.Integer({ description: 'Draws the same sample as long as the gallery does not change.' }),
  duplicateScore: Type.Union([Type.Number(), Type.Null()], {
    description:
      'Minimum near-copy score of the copies that were left out, directly or through other copies; null: only identical files were.',
  }),
  expand: Type.Optional(Count('Number of best hits that expanded each query; absent if queries were not expanded.')),
  queries: Count('Those of the sample whose label another picture has.'),
  queriesWithoutRelevant: Count('The others, which no number includes.'),
  overall: Numbers,
  intervals: Type.Record(Type.String(), Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
    description: '95 % bootstrap interval of each mean over queries: lower and upper bound.',
  }),
  perLabel: Type.Array(
    Type.Object(
      { label: Type.String(), queries: Count('Queries of this label.') },
      { additionalProperties: NullableNumber },
    ),
    { description: 'The same numbers for each label, most queries first.' },
  ),
  labelsLeftOut: Count('Labels left out of the list.'),
  judged: Type.Optional(VerdictReport),
  worst: Type.Optional(
    Type.Array(
      Type.Object({
        id: Id,
        label: Type.String(),
        'mAP@10': Type.Number({ description: 'Average precision of its first ten hits.' }),
        firstRank: Type.Union([Type.Integer(), Type.Null()], {
          description: 'Rank of its first hit with the same label.',
        }),
        votedLabel: Type.Union([Type.String(), Type.Null()], {
          description: 'Label of most of its first ten hits.',
        }),
      }),
      { description: 'The queries with the worst results, at most 50.' },
    ),
  ),
  confusions: Type.Optional(
    Type.Array(
      Type.Object({
        label: Type.String(),
        votedLabel: Type.String({ description: 'Label of most of the first ten hits instead.' }),
        queries: Count('Queries with the label whose hits vote for the other one.'),
      }),
      { description: 'Labels that the hits vote against, most queries first, at most 500.' },
    ),
  ),
})
export type QualityReport = Static<typeof QualityReport>

const Recall = {
  recall: Type.Union([Share('Share of the exact neighbours that were found.'), Type.Null()], {
    description: 'null: there is nothing to find.',
  }),
  byGraph: Share('Share of the searches that used the graph; the others scanned every picture.'),
}

export const RecallReport = Type.Object({
  k: Type.Integer({ description: 'Number of neighbours.' }),
  queries: Count('Pictures used as queries, drawn from the whole gallery with the same seed.'),
  default: Type.Object(Recall, { description: 'With the default `ef`.' }),
  atEf: Type.Array(Type.Object({ ef: Type.Integer(), ...Recall }), { description: 'With each `ef` of `efs`.' }),
})
export type RecallReport = Static<typeof RecallReport>
