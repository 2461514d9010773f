/** The reports of the duplicate search and the doctor. */
import { type Static, Type } from 'typebox'
import { Count, Id, Label, Score, Share } from './report-values.js'

const Dismissed = Type.Optional(
  Count('Findings left out because they were decided on; absent in reports of older versions.'),
)

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
  {
    description:
      'Near-copies with different labels. Pictures of a group whose labels have not been decided on come before the others.',
  },
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
