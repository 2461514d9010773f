/** Reports groups of near-copies, for users who want to keep one of each. */
import type { CopyGroups } from './copy-groups.js'
import type { CopyGroup, DuplicateReport } from './doctor-report.js'
import type { Images } from './images.js'

export interface DuplicateOptions {
  duplicateScore: number
  /** Pictures for which only equal files were searched. */
  notCompared: number
  /** Decisions that hide groups from the report. Default 0. */
  dismissed?: number | undefined
  /** Maximum groups. */
  limit: number
}

/** Maximum pictures listed per group. */
const membersMax = 50
/** Maximum pictures listed in total, because a report is one response; beyond it, each further group lists two. */
const listedMax = 5_000

/** Groups in the order of `groups.list`; positions are those in `images`. */
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
