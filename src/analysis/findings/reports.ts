/**
 * Results of the analyses. Defined once: types here, and validation and the API reference elsewhere, derive from this.
 */
import { type Static, Type } from 'typebox'

const Count = (description: string) => Type.Integer({ minimum: 0, description })
const Share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description })
const Score = (description: string) => Type.Number({ minimum: -1, maximum: 1, description })
const NullableNumber = Type.Union([Type.Number(), Type.Null()])
const Label = Type.Union([Type.String(), Type.Null()], { description: 'null: it has none.' })
const Dismissed = Type.Optional(
  Count('Findings left out because they were decided on; absent in reports of older versions.'),
)
const Id = Type.String({ description: 'Id of a picture.' })

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

export const CopyGroup = Type.Object({
  size: Count('Pictures in the group.'),
  identical: Type.Boolean({ description: 'All are the same file.' }),
  images: Type.Array(
    Type.Object({
      id: Id,
      label: Label,
      contentHash: Type.String(),
      nearCopyScore: Share('Best near-copy score to another one of the group; 1 for equal files.'),
    }),
    { description: 'By id; at most 50 of them, and 5,000 of all groups: two of each group after that.' },
  ),
})
export type CopyGroup = Static<typeof CopyGroup>

export const DuplicateReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  duplicateScore: Share('From this near-copy score on, two pictures are near-copies.'),
  notCompared: Count(
    'Pictures of which only equal files are known: without features, or stored without a thumbnail before copies were looked for.',
  ),
  count: Count('Groups there are.'),
  dismissed: Dismissed,
  copies: Count('Pictures to spare: what would go if one of each group stayed.'),
  groups: Type.Array(CopyGroup, { description: 'Largest first, then by id; at most `limit`.' }),
})
export type DuplicateReport = Static<typeof DuplicateReport>

export const ConflictReport = Type.Object(
  {
    count: Count('Groups there are.'),
    dismissed: Dismissed,
    groups: Type.Array(
      Type.Object({
        labels: Type.Array(Type.String(), { description: 'By name; at most 20.' }),
        ...CopyGroup.properties,
      }),
    ),
  },
  { description: 'Near-copies with different labels.' },
)
export type ConflictReport = Static<typeof ConflictReport>

export const DoubtReport = Type.Object(
  {
    judged: Count('Pictures with enough labelled neighbours, and enough others of their label, to be judged.'),
    count: Count('Pictures whose label is doubted.'),
    dismissed: Dismissed,
    images: Type.Array(
      Type.Object({
        id: Id,
        label: Type.String(),
        likelyLabel: Type.String({ description: 'What the neighbours say.' }),
        margin: Share('likelyShare − ownShare; the list is ordered by it.'),
        ownShare: Share('Part of the neighbours that have its label.'),
        likelyShare: Share('Part that has the likely one.'),
        witnesses: Type.Array(Type.Object({ id: Id, score: Score('To the doubted picture.') }), {
          description: 'The nearest ones with the likely label.',
        }),
      }),
    ),
  },
  { description: 'Labels that the neighbours’ vote contradicts.' },
)
export type DoubtReport = Static<typeof DoubtReport>

export const HubReport = Type.Object(
  {
    k: Type.Integer({ description: 'Length of the neighbour lists.' }),
    skewness: Type.Number({ description: 'Of the occurrences: near 0 without hubs; over 1 they matter.' }),
    meanOccurrences: Type.Number({ description: 'Lists that a picture is in, on average.' }),
    count: Count('Pictures in more lists than the mean and two standard deviations.'),
    neverFound: Count('Pictures in no list at all.'),
    images: Type.Array(
      Type.Object({
        id: Id,
        label: Label,
        occurrences: Count('Lists that it is in.'),
        otherLabelShare: Share('Part of these lists that belong to pictures of another label.'),
      }),
    ),
  },
  { description: 'Pictures among the nearest of very many others.' },
)
export type HubReport = Static<typeof HubReport>

export const OutlierReport = Type.Object(
  {
    medianScore: Type.Union([Type.Number(), Type.Null()], {
      description: 'Score of the nearest other, in the middle of all pictures; null without any.',
    }),
    belowScore: Type.Union([Type.Number(), Type.Null()], {
      description: 'Whose nearest other scores less is an outlier.',
    }),
    count: Count('Outliers.'),
    images: Type.Array(
      Type.Object({ id: Id, label: Label, score: Score('Of its nearest other that is no copy.'), nearestId: Id }),
    ),
  },
  { description: 'Pictures that nothing is like.' },
)
export type OutlierReport = Static<typeof OutlierReport>

export const DoctorReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  k: Type.Integer({ description: 'Neighbours that vote and count.' }),
  duplicateScore: Share('From this near-copy score on, two pictures are near-copies.'),
  conflicts: ConflictReport,
  doubts: DoubtReport,
  hubs: HubReport,
  outliers: OutlierReport,
})
export type DoctorReport = Static<typeof DoctorReport>

const About = {
  gallery: Type.String(),
  modelId: Type.String({ description: 'The model that made the embeddings.' }),
}

/** The stored result of a job of each kind. */
export const EvaluationResult = Type.Object({
  kind: Type.Literal('evaluate', { type: 'string' }),
  ...About,
  quality: QualityReport,
  index: RecallReport,
})
export type EvaluationResult = Static<typeof EvaluationResult>
export const DuplicateResult = Type.Object({
  kind: Type.Literal('duplicates', { type: 'string' }),
  ...About,
  ...DuplicateReport.properties,
})
export type DuplicateResult = Static<typeof DuplicateResult>
export const DoctorResult = Type.Object({
  kind: Type.Literal('doctor', { type: 'string' }),
  ...About,
  ...DoctorReport.properties,
})
export type DoctorResult = Static<typeof DoctorResult>
export const LayoutResult = Type.Object({
  kind: Type.Literal('layout', { type: 'string' }),
  ...About,
  pictures: Count('Pictures in the layout.'),
  sampled: Count('Of those, pictures that UMAP laid out.'),
})
export type LayoutResult = Static<typeof LayoutResult>
export type AnalysisResult = EvaluationResult | DuplicateResult | DoctorResult | LayoutResult
