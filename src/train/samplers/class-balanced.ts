/** Batches of classes × samples: every batch holds pairs of the same label, which contrastive losses need. */
import { shuffled } from '../../datasets/split.js'

export interface BatchShape {
  /** Different labels in a batch; as many as there are, if fewer. */
  classes: number
  /** Pictures of each. */
  samples: number
}

/**
 * One epoch of batches of picture indices; about as many pictures as there are.
 * Each class deals its pictures in shuffled order and shuffles anew when it runs out, so a rare class
 * is repeated and none is left out.
 * @param classOf class index of each picture. @param random uniform in [0, 1).
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

/** Deals items in shuffled order, for ever. */
function deckOf<T>(items: readonly T[], random: () => number): () => T {
  let deck: T[] = []
  return () => {
    if (deck.length === 0) deck = shuffled(items, random)
    return deck.pop()!
  }
}

/** The next different cards; a repeat, possible where two shuffles meet, is passed over. */
function distinct<T>(next: () => T, count: number): T[] {
  const drawn = new Set<T>()
  while (drawn.size < count) drawn.add(next())
  return [...drawn]
}
