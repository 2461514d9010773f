/** The groups of near-copies, for someone who wants one of each. */
import type { CopyGroups } from './copy-groups.js'
import type { Images } from './images.js'
import type { CopyGroup, DuplicateReport } from './reports.js'

export interface DuplicateOptions {
  duplicateScore: number
  /** Pictures that only equal files were looked for of. */
  notCompared: number
  /** Decisions that keep groups out of the report. Default 0. */
  dismissed?: number | undefined
  /** Most groups. */
  limit: number
}

/** Pictures listed of one group. */
const membersMax = 50
/** Pictures listed of all groups; when they are used up, two of each further one. A report is one answer. */
const listedMax = 5_000

export function reportDuplicates(
  images: Images,
  groups: CopyGroups,
  { duplicateScore, notCompared, dismissed = 0, limit }: DuplicateOptions,
): DuplicateReport {
  const all = groups.list()
  return {
    pictures: images.ids.length,
    duplicateScore,
    notCompared,
    count: all.length,
    dismissed,
    copies: all.reduce((sum, { length }) => sum + length - 1, 0),
    groups: describeGroups(all.slice(0, limit), images, groups),
  }
}

/** @param all members of each group: positions, ascending */
export function describeGroups(all: readonly (readonly number[])[], images: Images, groups: CopyGroups): CopyGroup[] {
  let left = listedMax
  return all.map((members) => {
    const described = describeGroup(members, images, groups, Math.max(2, Math.min(membersMax, left)))
    left -= described.images.length
    return described
  })
}

function describeGroup(members: readonly number[], images: Images, groups: CopyGroups, listed: number): CopyGroup {
  const { ids, labels, contentHashes } = images
  return {
    size: members.length,
    identical: members.every((position) => contentHashes[position] === contentHashes[members[0]!]),
    images: members.slice(0, listed).map((position) => ({
      id: ids[position]!,
      label: labels[position]!,
      contentHash: contentHashes[position]!,
      nearCopyScore: groups.score(position),
    })),
  }
}
