/** A confusion matrix of labels. Pure. */

export interface Confusion {
  label: string
  votedLabel: string
  queries: number
}

export interface ConfusionSquare {
  labels: string[]
  /** [row: label, column: predicted label]: share of the label's queries. */
  shares: number[][]
  counts: number[][]
}

interface LabelQuality {
  label: string
  queries: number
  right: number
}

/** For the most confused labels, at most `most`; the diagonal holds the correct ones. */
export function confusionSquare(
  confusions: readonly Confusion[],
  qualities: readonly LabelQuality[],
  most: number,
): ConfusionSquare {
  const wrong = new Map<string, number>()
  for (const { label, votedLabel, queries } of confusions)
    for (const one of [label, votedLabel]) wrong.set(one, (wrong.get(one) ?? 0) + queries)
  const labels = [...wrong]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([label]) => label)
    .sort()
  const qualityOf = new Map(qualities.map((one) => [one.label, one]))
  const countOf = new Map(confusions.map((one) => [JSON.stringify([one.label, one.votedLabel]), one.queries]))
  const counts = labels.map((label) =>
    labels.map((voted) =>
      label === voted ? (qualityOf.get(label)?.right ?? 0) : (countOf.get(JSON.stringify([label, voted])) ?? 0),
    ),
  )
  const shares = counts.map((row, place) =>
    row.map((count) => count / Math.max(1, qualityOf.get(labels[place]!)?.queries ?? 0)),
  )
  return { labels, shares, counts }
}
