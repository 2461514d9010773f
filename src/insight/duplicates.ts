/** The groups of near-copies, for someone who wants one of each. */
import type { CopyGroups } from './copy-groups.js'
import type { Pictures } from './pictures.js'
import type { CopyGroup, DuplicateReport } from './reports.js'

export interface DuplicateOptions {
  minScore: number
  /** Most groups. */
  limit: number
}

/** Pictures listed of one group. */
const membersMax = 50

export function reportDuplicates(pictures: Pictures, groups: CopyGroups, { minScore, limit }: DuplicateOptions): DuplicateReport {
  const all = groups.list()
  return {
    pictures: pictures.ids.length,
    minScore,
    count: all.length,
    copies: all.reduce((sum, { length }) => sum + length - 1, 0),
    groups: all.slice(0, limit).map((members) => describeGroup(members, pictures, groups)),
  }
}

/** @param members positions, ascending */
export function describeGroup(members: readonly number[], pictures: Pictures, groups: CopyGroups): CopyGroup {
  const { ids, labels, contentHashes } = pictures
  return {
    size: members.length,
    identical: members.every((position) => contentHashes[position] === contentHashes[members[0]!]),
    images: members.slice(0, membersMax).map((position) => ({
      id: ids[position]!,
      label: labels[position]!,
      contentHash: contentHashes[position]!,
      score: groups.score(position),
    })),
  }
}
