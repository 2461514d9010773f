/** Batches of classes × samples: every batch contains pairs with the same label, which contrastive losses need. */
import { shuffled } from '../../datasets/split.js'

export interface BatchShape {
  /** Different labels per batch, or all if there are fewer. */
  classes: number
  /** Pictures of each. */
  samples: number
}

/**
 * One epoch of batches of picture indices, with about as many pictures as there are.
 * Each class deals its pictures in shuffled order and reshuffles when it runs out, so rare classes repeat and none is
 * left out.
 * @param classOf class index of each picture.
 * @param random uniform in [0, 1).
 */
export function classBalancedBatches(classOf: readonly number[], shape: BatchShape, random: () => number): number[][] {
  const members = new Map<number, number[]>()
  for (const [image, label] of classOf.entries()) {
    const own = members.get(label)
    if (own === undefined) members.set(label, [image])
    else own.push(image)
  }
  const labels = [...members.keys()].sort((a, b) => a - b)
  const classes = Math.min(shape.classes, labels.length)
  const decks = new Map(labels.map((label) => [label, deckOf(members.get(label)!, random)]))
  const nextLabel = deckOf(labels, random)

  const batches = Math.max(1, Math.round(classOf.length / (classes * shape.samples)))
  return Array.from({ length: batches }, () =>
    distinct(nextLabel, classes).flatMap((label) => Array.from({ length: shape.samples }, decks.get(label)!)),
  )
}

/** Deals items in shuffled order, endlessly. */
function deckOf<T>(items: readonly T[], random: () => number): () => T {
  let deck: T[] = []
  return () => {
    if (deck.length === 0) deck = shuffled(items, random)
    return deck.pop()!
  }
}

/** The next distinct items; skips repeats, which can occur where two shuffles meet. */
function distinct<T>(next: () => T, count: number): T[] {
  const drawn = new Set<T>()
  while (drawn.size < count) drawn.add(next())
  return [...drawn]
}
