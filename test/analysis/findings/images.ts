/** Galleries small enough for manual calculation. */

import type { Images } from '../../../src/analysis/findings/images.js'
import { NeighbourLists } from '../../../src/analysis/findings/neighbour-lists.js'

/** `id label` or `id label hash`; `-` for no label. Ids ascending. */
export function imagesOf(rows: readonly string[]): Images {
  const parts = rows.map((row) => row.split(' '))
  return {
    ids: parts.map(([id]) => id!),
    labels: parts.map(([, label]) => (label === '-' ? null : label!)),
    contentHashes: parts.map(([id, , hash]) => hash ?? `hash of ${id}`),
  }
}

/** For each picture its list of `id score`, best first. */
export function listsOf(
  { ids }: Images,
  depth: number,
  lists: Readonly<Record<string, [id: string, score: number][]>>,
): NeighbourLists {
  const filled = new NeighbourLists(ids.length, depth)
  for (const [id, others] of Object.entries(lists)) {
    for (const [other, score] of others) filled.append(ids.indexOf(id), ids.indexOf(other), score)
  }
  return filled
}
