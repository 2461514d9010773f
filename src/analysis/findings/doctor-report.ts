/** The reports of the duplicate search and the doctor. */
import { type Static, Type } from 'typebox'
import { Count, Id, Label, Score, Share } from './report-values.js'

const Dismissed = Type.Optional(Count('Findings left out because of a decision.'))

export const CopyGroup = Type.Object({
  size: Count('Pictures in the group.'),
  identical: Type.Boolean({ description: 'All are the same file.' }),
  images: Type.Array(
    Type.Object({
      id: Id,
      label: Label,
      contentHash: Type.String(),
      nearCopyScore: Share('Highest near-copy score with another picture of the group; 1 for identical files.'),
    }),
    { description: 'By id; at most 50, and 5,000 in all groups together; beyond that, two of each group.' },
  ),
})
export type CopyGroup = Static<typeof CopyGroup>

export const DuplicateReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  duplicateScore: Share('Minimum near-copy score of two near-copies.'),
  notCompared: Count(
    'Pictures that were only checked for identical files: those without features, and those stored without a thumbnail before descriptors existed.',
  ),
  count: Count('Number of groups.'),
  dismissed: Dismissed,
  copies: Count('Pictures that would be deleted if one of each group were kept.'),
  groups: Type.Array(CopyGroup, { description: 'Largest first, then by id; at most `limit`.' }),
})
export type DuplicateReport = Static<typeof DuplicateReport>

export const ConflictReport = Type.Object(
  {
    count: Count('Number of groups.'),
    dismissed: Dismissed,
    groups: Type.Array(
      Type.Object({
        labels: Type.Array(Type.String(), { description: 'By name; at most 20.' }),
        ...CopyGroup.properties,
      }),
    ),
  },
  {
    description:
      'Near-copies with different labels. In each group, pictures whose label has not been decided on come first.',
  },
)
export type ConflictReport = Static<typeof ConflictReport>

export const DoubtReport = Type.Object(
  {
    judged: Count(
      'Pictures with enough labelled neighbours, and enough others of their label, for their label to be doubted.',
    ),
    count: Count('Pictures whose label is doubted.'),
    dismissed: Dismissed,
    images: Type.Array(
      Type.Object({
        id: Id,
        label: Type.String(),
        likelyLabel: Type.String({ description: 'The label that the neighbours suggest.' }),
        margin: Share('likelyShare − ownShare; the list is ordered by it.'),
        ownShare: Share('Share of the neighbours that have its label.'),
        likelyShare: Share('Share of the neighbours that have the likely label.'),
        witnesses: Type.Array(Type.Object({ id: Id, score: Score('Score against the doubted picture.') }), {
          description: 'The nearest neighbours with the likely label.',
        }),
      }),
    ),
  },
  { description: 'Labels that the neighbours contradict.' },
)
export type DoubtReport = Static<typeof DoubtReport>

export const HubReport = Type.Object(
  {
    k: Type.Integer({ description: 'Length of the neighbour lists.' }),
    skewness: Type.Number({ description: 'Skewness of the occurrences: near 0 without hubs; above 1 they matter.' }),
    meanOccurrences: Type.Number({ description: 'Mean number of neighbour lists that a picture is in.' }),
    count: Count('Pictures that are in more lists than the mean plus two standard deviations.'),
    neverFound: Count('Pictures in no list at all.'),
    images: Type.Array(
      Type.Object({
        id: Id,
        label: Label,
        occurrences: Count('Number of lists that it is in.'),
        otherLabelShare: Share('Share of these lists that belong to pictures with another label.'),
      }),
    ),
  },
  { description: 'Pictures among the nearest of very many others.' },
)
export type HubReport = Static<typeof HubReport>

export const OutlierReport = Type.Object(
  {
    medianScore: Type.Union([Type.Number(), Type.Null()], {
      description: 'Median over all pictures of the score of the nearest other picture; null without any.',
    }),
    belowScore: Type.Union([Type.Number(), Type.Null()], {
      description: 'A picture whose nearest other picture scores less is an outlier.',
    }),
    count: Count('Outliers.'),
    images: Type.Array(
      Type.Object({
        id: Id,
        label: Label,
        score: Score('Score of the nearest other picture that is not a copy.'),
        nearestId: Id,
      }),
    ),
  },
  { description: 'Pictures unlike all others.' },
)
export type OutlierReport = Static<typeof OutlierReport>

export const DoctorReport = Type.Object({
  pictures: Count('Pictures in the gallery.'),
  k: Type.Integer({ description: 'Number of neighbours that vote on a label and count for hubs.' }),
  duplicateScore: Share('Minimum near-copy score of two near-copies.'),
  conflicts: ConflictReport,
  doubts: DoubtReport,
  hubs: HubReport,
  outliers: OutlierReport,
})
export type DoctorReport = Static<typeof DoctorReport>
