/** Describes the data set: counts per split and class, copies, and an identifying hash. */
import { createHash } from 'node:crypto'
import { countBy } from '../../datasets/counts.js'
import { type Split, splits } from '../../datasets/labelled-image.js'
import { groupsAcross, type SplitImage } from '../../datasets/split.js'

export interface SplitFacts {
  pictures: number
  perClass: Record<string, number>
  /** Pictures that share their duplicate group with another picture of the split. */
  withCopies: number
  duplicateGroups: number
}

export interface DataFacts {
  name: string
  /** As stated by its owner; null if not stated. */
  licence: string | null
  /** Over id, label, split, duplicate group and content of every picture, in the order of ids. */
  sha256: string
  pictures: number
  classes: string[]
  splits: Record<Split, SplitFacts>
  /** Duplicate groups with pictures in more than one split; any of them makes the quality numbers too good. */
  groupsAcrossSplits: number
}

export interface DataSource {
  name: string
  licence: string | null
}

/** @param contentHashes id → SHA-256 of the encoded bytes */
export function describeData(
  images: readonly SplitImage[],
  contentHashes: ReadonlyMap<string, string>,
  source: DataSource,
): DataFacts {
  const hash = createHash('sha256')
  for (const { id, label, split, group } of [...images].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    hash.update(JSON.stringify([id, label, split, group, contentHashes.get(id)]))
  }
  return {
    ...source,
    sha256: hash.digest('hex'),
    pictures: images.length,
    classes: [...new Set(images.map(({ label }) => label))].sort(),
    splits: Object.fromEntries(
      splits.map((split) => [split, describeSplit(images.filter((image) => image.split === split))]),
    ) as DataFacts['splits'],
    groupsAcrossSplits: groupsAcross(images, 'split').length,
  }
}

function describeSplit(images: readonly SplitImage[]): SplitFacts {
  const groups = countBy(images.map(({ group }) => group))
  const copied = [...groups.values()].filter((size) => size > 1)
  const perClass = countBy(images.map(({ label }) => label))
  return {
    pictures: images.length,
    perClass: Object.fromEntries([...perClass].sort(([a], [b]) => (a < b ? -1 : 1))),
    withCopies: copied.reduce((sum, size) => sum + size, 0),
    duplicateGroups: copied.length,
  }
}
