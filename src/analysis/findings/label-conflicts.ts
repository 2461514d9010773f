/** Near-copies with different labels: at least one of the labels is wrong. */
import type { CopyGroups } from './copy-groups.js'
import type { ConflictReport } from './doctor-report.js'
import { describeGroups } from './duplicates.js'
import type { Images } from './images.js'
import { nothingSettled, type Settled } from './settled.js'

/** Maximum labels reported per group. */
const labelsMax = 20

/** Largest groups first. @param limit maximum groups */
export function findLabelConflicts(
  images: Images,
  groups: CopyGroups,
  limit: number,
  settled = nothingSettled,
): ConflictReport {
  const found = groups.list().filter((members) => labelsOf(members, images).length > 1)
  const torn = found.filter((members) => !members.every((position) => settled.hasLabel(position)))
  // a group may have more pictures than are listed, and a decision concerns those
  const shown = torn.slice(0, limit).map((members) => undecidedFirst(members, settled))
  return {
    count: torn.length,
    dismissed: found.length - torn.length,
    groups: describeGroups(shown, images, groups).map((group, i) => ({
      labels: labelsOf(shown[i]!, images).slice(0, labelsMax),
      ...group,
    })),
  }
}

function undecidedFirst(members: readonly number[], settled: Settled): number[] {
  const isDecided = (position: number) => Number(settled.hasLabel(position))
  return members.toSorted((a, b) => isDecided(a) - isDecided(b))
}

function labelsOf(members: readonly number[], { labels }: Images): string[] {
  return [...new Set(members.flatMap((position) => labels[position] ?? []))].sort()
}
