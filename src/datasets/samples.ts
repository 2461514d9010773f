/** Samples of pictures that represent the whole. */
import { shuffled } from './split.js'

/** `count` items at equal distances, or all if there are fewer. */
export function spreadEvenly<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items]
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}

/**
 * `count` pictures, or all if there are fewer: of each label as large a share as of all pictures, so that means over the
 * sample estimate those over all.
 * @param random uniform in [0, 1).
 */
export function spreadOverLabels<Image extends { label: string }>(
  images: readonly Image[],
  count: number,
  random: () => number,
): Image[] {
  const byLabel = shuffled(images, random).sort((a, b) => (a.label < b.label ? -1 : Number(a.label > b.label)))
  return spreadEvenly(byLabel, count)
}
