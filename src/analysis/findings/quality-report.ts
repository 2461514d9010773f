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
      mean: Type.Union([Share('Over these queries.'), Type.Null()], { description: 'null without any query.' }),
      interval: Type.Optional(
        Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: '95 % bootstrap over these queries.' }),
      ),
      queries: Count('Queries that have this number.'),
    },
    { description },
  )

export const VerdictReport = Type.Object(
  {
    judgements: Count('Judgements that were read.'),
    queries: Count('Stored pictures with judged hits, which asked all others; at most `sample`.'),
    hits: Count(
      'Judged hits of these queries that counted, each once, as most people judged it; without copies of the query and hits that as many call right as wrong.',
    ),
    'ndcg@10': VerdictMean(
      'Order of the judged hits alone: discounted gain of the first ten of them over that of their best order; of queries with a right hit.',
    ),
    'precision@10': VerdictMean('Share of right hits among those of the first ten that were judged.'),
    'judged@10': VerdictMean('Share of the first ten hits that were judged.'),
  },
  {
    description:
      'Quality by what people said of hits (feedback), whatever the labels say; absent while nobody has said anything, and in results of older versions.',
  },
)
export type VerdictReport = Static<typeof VerdictReport>

export const QualityReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  labelled: Count('Those with a label; the others take no part.'),
  sampled: Count('Pictures drawn as queries.'),
  seed: Type.Integer({ description: 'Draws the same sample again while the gallery is the same.' }),
  duplicateScore: Type.Union([Type.Number(), Type.Null()], {
    description:
      'From this near-copy score on, a picture was taken for a copy of the query and left out, over any chain of copies; null: only equal files were.',
  }),
  queries: Count('Of the sampled, those with another picture of their label.'),
  queriesWithoutRelevant: Count('The other ones; they count for nothing.'),
  overall: Numbers,
  intervals: Type.Record(Type.String(), Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
    description: '95 % bootstrap over queries of each mean: low and high end.',
  }),
  perLabel: Type.Array(
    Type.Object(
      { label: Type.String(), queries: Count('Queries of this label.') },
      { additionalProperties: NullableNumber },
    ),
    { description: 'The same numbers for each label, most queries first.' },
  ),
  labelsLeftOut: Count('Labels that the list has no room for.'),
  judged: Type.Optional(VerdictReport),
  worst: Type.Optional(
    Type.Array(
      Type.Object({
        id: Id,
        label: Type.String(),
        'mAP@10': Type.Number({ description: 'Average precision of its first ten answers.' }),
        firstRank: Type.Union([Type.Integer(), Type.Null()], {
          description: 'Rank of its first answer of the same label.',
        }),
        votedLabel: Type.Union([Type.String(), Type.Null()], {
          description: 'What most of its first ten answers show.',
        }),
      }),
      { description: 'Queries that fared worst, at most 50; absent in results of older versions.' },
    ),
  ),
  confusions: Type.Optional(
    Type.Array(
      Type.Object({
        label: Type.String(),
        votedLabel: Type.String({ description: 'What most of the first ten answers show instead.' }),
        queries: Count('Queries of the label that were taken for it.'),
      }),
      { description: 'Labels that are taken for others, most queries first, at most 500; absent in older results.' },
    ),
  ),
})
export type QualityReport = Static<typeof QualityReport>

const Recall = {
  recall: Type.Union([Share('Part of the true neighbours that were found.'), Type.Null()], {
    description: 'null: nothing to find.',
  }),
  byGraph: Share('Part of the answers that came from the graph; the others compared every picture.'),
}

export const RecallReport = Type.Object({
  k: Type.Integer({ description: 'Neighbours looked for.' }),
  queries: Count('Pictures that were asked with, drawn by the same seed from all of the gallery.'),
  default: Type.Object(Recall, { description: 'As a search without `ef` finds them.' }),
  atEf: Type.Array(Type.Object({ ef: Type.Integer(), ...Recall }), { description: 'As a search with this `ef` does.' }),
})
export type RecallReport = Static<typeof RecallReport>
