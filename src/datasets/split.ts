/** Makes a split where the data set has none, or only lacks a validation part. */
import type { LabelledPicture, Split } from './labelled-picture.js'

export interface SplitShares {
  val: number
  test: number
}

/** Where nobody says otherwise. Evaluation of a service deals as training does, or it would test on what was trained. */
export const defaultDeal = { shares: { val: 0.12, test: 0.18 }, seed: 1 } as const

export type SplitPicture = LabelledPicture & { split: Split }

/**
 * Pictures with a split keep it; the others are dealt out by label, each duplicate group as a whole, in seeded order.
 * A set that has train and test but no val gives up a share of train.
 * @param random uniform in [0, 1).
 */
export function withSplit(
  pictures: readonly LabelledPicture[],
  shares: SplitShares,
  random: () => number,
): SplitPicture[] {
  const needsAll = pictures.some((picture) => picture.split === undefined)
  const needsVal = !needsAll && !pictures.some((picture) => picture.split === 'val')
  if (!needsAll && !needsVal) return pictures as SplitPicture[]
  const open = pictures.filter((picture) => needsAll || picture.split === 'train')
  const dealt = deal(open, needsAll ? shares : { val: shares.val, test: 0 }, random)
  return pictures.map((picture) => ({ ...picture, split: dealt.get(picture.group) ?? picture.split! }))
}

/** Group → split. A group belongs to the stratum of its first picture's label. */
function deal(pictures: readonly LabelledPicture[], shares: SplitShares, random: () => number): Map<string, Split> {
  const strata = new Map<string, Map<string, number>>()
  const stratumOf = new Map<string, Map<string, number>>()
  for (const { label, group } of pictures) {
    let stratum = stratumOf.get(group) ?? strata.get(label)
    if (stratum === undefined) strata.set(label, (stratum = new Map()))
    stratumOf.set(group, stratum)
    stratum.set(group, (stratum.get(group) ?? 0) + 1)
  }
  const dealt = new Map<string, Split>()
  for (const groups of strata.values()) {
    const total = [...groups.values()].reduce((sum, size) => sum + size, 0)
    const room: Record<'test' | 'val', number> = {
      test: Math.round(total * shares.test),
      val: Math.round(total * shares.val),
    }
    for (const [group, size] of shuffled([...groups], random)) {
      const split = room.test >= size ? 'test' : room.val >= size ? 'val' : 'train'
      if (split !== 'train') room[split] -= size
      dealt.set(group, split)
    }
  }
  return dealt
}

/** Fisher–Yates, on a copy. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}
