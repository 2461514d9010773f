/** How often the first hit for an edited copy of a picture is that picture. */
import { type LabelledEmbeddings, RankedGallery, type RankOptions } from './ranking.js'

/** One row per edited picture: id, label and group are those of the original. */
export interface EditedCopies extends LabelledEmbeddings {
  /** The edit applied to each. */
  edits: readonly string[]
}

export interface CopyQuality {
  /** Number of edited pictures. */
  pictures: number
  /** Number of originals searched. */
  gallery: number
  /** Edit → share of its copies whose first hit is the original, or a copy of it in the data. */
  firstHit: Record<string, number>
}

/** Ranks every original for each edited copy. @param originals includes the edited pictures */
export function evaluateCopies(
  copies: EditedCopies,
  originals: LabelledEmbeddings,
  { expand }: Pick<RankOptions, 'expand'> = {},
): CopyQuality {
  const gallery = new RankedGallery(originals)
  const counts = new Map<string, { hits: number; queries: number }>()
  for (const [row, edit] of copies.edits.entries()) {
    const [first] = gallery.rank(copies, row, { excludeOwnGroup: false, expand })
    const count = counts.get(edit) ?? { hits: 0, queries: 0 }
    counts.set(edit, {
      hits: count.hits + Number(first !== undefined && originals.groups[first] === copies.groups[row]),
      queries: count.queries + 1,
    })
  }
  const firstHit = Object.fromEntries([...counts].map(([edit, { hits, queries }]) => [edit, hits / queries]))
  return { pictures: new Set(copies.ids).size, gallery: gallery.size, firstHit }
}

/** All edits have equal weight; null if nothing was edited. */
export function meanFirstHit({ firstHit }: CopyQuality): number | null {
  const shares = Object.values(firstHit)
  return shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0) / shares.length
}
