/** How often the first answer to an edited copy of a picture is that picture. */
import { type LabelledEmbeddings, RankedGallery } from './ranking.js'

/** One row for each edited picture: id, label and group are those of its original. */
export interface EditedCopies extends LabelledEmbeddings {
  /** What was done to each. */
  edits: readonly string[]
}

export interface CopyQuality {
  /** Pictures that were edited. */
  pictures: number
  /** Originals among which each was looked for. */
  gallery: number
  /** Edit → share of its copies whose first answer is the original, or a copy of it that the data itself has. */
  firstHit: Record<string, number>
}

/** Ranks every original for each edited copy. @param originals with the pictures that were edited among them */
export function evaluateCopies(copies: EditedCopies, originals: LabelledEmbeddings): CopyQuality {
  const gallery = new RankedGallery(originals)
  const counts = new Map<string, { hits: number; queries: number }>()
  for (const [row, edit] of copies.edits.entries()) {
    const [first] = gallery.rank(copies, row, false)
    const count = counts.get(edit) ?? { hits: 0, queries: 0 }
    counts.set(edit, {
      hits: count.hits + Number(first !== undefined && originals.groups[first] === copies.groups[row]),
      queries: count.queries + 1,
    })
  }
  const firstHit = Object.fromEntries([...counts].map(([edit, { hits, queries }]) => [edit, hits / queries]))
  return { pictures: new Set(copies.ids).size, gallery: gallery.size, firstHit }
}

/** Every edit counts alike; null where nothing was edited. */
export function meanFirstHit({ firstHit }: CopyQuality): number | null {
  const shares = Object.values(firstHit)
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length
}
