/** Generates a split for a data set that has none, or lacks a validation part. */
import type { LabelledImage, Split } from './labelled-image.js'

export interface SplitShares {
  val: number
  test: number
}

/** Defaults. Evaluating a service must split like training does, or it would test on training pictures. */
export const defaultDeal = { shares: { val: 0.12, test: 0.18 }, seed: 1 } as const

export type SplitImage = LabelledImage & { split: Split }

/** Whether pictures of the data set are to be dealt to parts; see `withSplit`. */
export function lacksPart(images: readonly LabelledImage[]): boolean {
  return images.some(({ split }) => split === undefined) || !images.some(({ split }) => split === 'val')
}

/**
 * Pictures with a split keep it; the others are distributed by label, each duplicate group as a whole, in seeded order.
 * A data set with train and test but no val gives up a share of train.
 * @param random uniform in [0, 1).
 * @param recorded group → the part that an earlier split gave it, which it keeps
 */
export function withSplit(
  images: readonly LabelledImage[],
  shares: SplitShares,
  random: () => number,
  recorded: ReadonlyMap<string, Split> = new Map(),
): SplitImage[] {
  if (!lacksPart(images)) return images as SplitImage[]
  const needsAll = images.some((image) => image.split === undefined)
  const isOpen = (image: LabelledImage) => needsAll || image.split === 'train'
  const kept = ({ group }: LabelledImage) => {
    const part = recorded.get(group)
    return part === 'test' && !needsAll ? undefined : part // its owner has moved it to train
  }
  const isNew = (image: LabelledImage) => isOpen(image) && kept(image) === undefined
  const dealt = deal(images.filter(isNew), needsAll ? shares : { val: shares.val, test: 0 }, random)
  const partOf = (image: LabelledImage) => kept(image) ?? dealt.get(image.group)!
  return images.map((image) => (isOpen(image) ? { ...image, split: partOf(image) } : (image as SplitImage)))
}

/** Why a part is empty, in one sentence: of few pictures of a label the part's share, rounded, is none. */
export function emptyPart(part: 'val' | 'test', shares: SplitShares = defaultDeal.shares): string {
  const fewest = Math.ceil(0.5 / shares[part])
  return `There are no pictures in the part ${part}: unless the data has a split with some, a label needs ${fewest} pictures, not counting copies, to give one.`
}

/** The duplicate groups whose pictures are in more than one part, or have more than one label: the id of one for each. */
export function groupsAcross(images: readonly SplitImage[], what: 'split' | 'label'): string[][] {
  const found = new Map<string, Map<string, string>>()
  for (const image of images) found.set(image.group, (found.get(image.group) ?? new Map()).set(image[what], image.id))
  return [...found.values()].filter(({ size }) => size > 1).map((ids) => [...ids.values()])
}

/** Group → split. A group belongs to the stratum of its first picture's label. */
function deal(images: readonly LabelledImage[], shares: SplitShares, random: () => number): Map<string, Split> {
  const strata = new Map<string, Map<string, number>>()
  const stratumOf = new Map<string, Map<string, number>>()
  for (const { label, group } of images) {
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
