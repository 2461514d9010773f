/** From slots to positions: gathers what the index says of neighbours into groups of copies and lists. */
import type { WholeGallery } from '../gallery/whole-gallery.js'
import { CopyGroups } from '../insight/copy-groups.js'
import { NeighbourLists } from '../insight/neighbour-lists.js'

export interface FoundNeighbours {
  asked: Uint32Array
  k: number
  /** [asked] */
  counts: Uint32Array
  /** [asked, k] */
  slots: Uint32Array
  /** [asked, k] */
  scores: Float32Array
}

export class Gathering {
  readonly minScore: number
  readonly groups: CopyGroups
  readonly lists: NeighbourLists
  readonly #positionOf: ReadonlyMap<number, number>

  constructor({ slots, contentHashes }: WholeGallery, { minScore, depth }: { minScore: number; depth: number }) {
    this.minScore = minScore
    this.groups = CopyGroups.ofContent(contentHashes)
    this.lists = new NeighbourLists(slots.length, depth)
    this.#positionOf = new Map(Array.from(slots, (slot, position) => [slot, position]))
  }

  /** Neighbours that came into the gallery after it was read are passed over. @returns the slots whose every neighbour is a near-copy */
  take({ asked, k, counts, slots, scores }: FoundNeighbours): Uint32Array {
    return asked.filter((slot, row) => {
      const position = this.#positionOf.get(slot)!
      const count = counts[row]!
      for (let i = 0; i < count; i++) {
        const [other, score] = [this.#positionOf.get(slots[row * k + i]!), scores[row * k + i]!]
        if (other === undefined) continue
        this.lists.append(position, other, score)
        if (score >= this.minScore) this.groups.join(position, other, score)
      }
      return count === k && scores[row * k + k - 1]! >= this.minScore
    })
  }
}
