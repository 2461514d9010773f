/** Finds likely problems in a gallery from the neighbours of all of its pictures. */
import type { CopyGroups } from './copy-groups.js'
import type { DoctorReport } from './doctor-report.js'
import { findHubs } from './hubs.js'
import type { Images } from './images.js'
import { findLabelConflicts } from './label-conflicts.js'
import { findLabelDoubts } from './label-doubts.js'
import { NeighbourLists } from './neighbour-lists.js'
import { findOutliers } from './outliers.js'
import { nothingSettled, type Settled } from './settled.js'

export interface DoctorOptions {
  /** Number of neighbours considered. */
  k: number
  /** Near-copy score from which pictures count as near-copies. */
  duplicateScore: number
  /** Maximum findings of each kind. */
  limit: number
  /** Findings that are not raised again. */
  settled?: Settled | undefined
}

/**
 * @param lists including copies, longer than k so that enough other neighbours remain
 * @param groups of copies
 */
export function examine(
  images: Images,
  lists: NeighbourLists,
  groups: CopyGroups,
  { k, duplicateScore, limit, settled = nothingSettled }: DoctorOptions,
): DoctorReport {
  const others = withoutCopies(lists, groups, k)
  return {
    pictures: images.ids.length,
    k,
    duplicateScore,
    conflicts: findLabelConflicts(images, groups, limit, settled),
    doubts: findLabelDoubts(images, others, { k, limit, settled }),
    hubs: findHubs(images, others, k, limit),
    outliers: findOutliers(images, others, limit),
  }
}

/** A copy adds no information to the picture itself. */
function withoutCopies(lists: NeighbourLists, groups: CopyGroups, k: number): NeighbourLists {
  const others = new NeighbourLists(lists.size, k)
  for (let position = 0; position < lists.size; position++) {
    for (let i = 0; i < lists.count(position); i++) {
      const other = lists.other(position, i)
      if (groups.groupOf(other) !== groups.groupOf(position)) others.append(position, other, lists.score(position, i))
    }
  }
  return others
}
