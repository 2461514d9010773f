/** Near-copies that were given different labels: at least one of them is wrong. */
import type { CopyGroups } from './copy-groups.js'
import { describeGroup } from './duplicates.js'
import type { Pictures } from './pictures.js'
import type { ConflictReport } from './reports.js'

/** Largest groups first. @param limit most groups */
export function findLabelConflicts(pictures: Pictures, groups: CopyGroups, limit: number): ConflictReport {
  const torn = groups.list().filter((members) => labelsOf(members, pictures).length > 1)
  return {
    count: torn.length,
    groups: torn.slice(0, limit).map((members) => ({ labels: labelsOf(members, pictures), ...describeGroup(members, pictures, groups) })),
  }
}

function labelsOf(members: readonly number[], { labels }: Pictures): string[] {
  return [...new Set(members.flatMap((position) => labels[position] ?? []))].sort()
}
