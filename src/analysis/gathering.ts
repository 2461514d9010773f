/** From slots to positions: gathers what the index says of neighbours into lists. */
import type { WholeGallery } from '../engines/embedded/store/whole-gallery.js'
import { NeighbourLists } from './findings/neighbour-lists.js'

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
  readonly lists: NeighbourLists
  readonly #positionOf: ReadonlyMap<number, number>

  /** @param depth neighbours kept of each picture */
  constructor({ slots }: Pick<WholeGallery, 'slots'>, depth: number) {
    this.lists = new NeighbourLists(slots.length, depth)
    this.#positionOf = new Map(Array.from(slots, (slot, position) => [slot, position]))
  }

  /** Neighbours that came into the gallery after it was read are passed over. */
  take({ asked, k, counts, slots, scores }: FoundNeighbours): void {
    asked.forEach((slot, row) => {
      const position = this.#positionOf.get(slot)!
      for (let i = 0; i < counts[row]!; i++) {
        const other = this.#positionOf.get(slots[row * k + i]!)
        if (other !== undefined) this.lists.append(position, other, scores[row * k + i]!)
      }
    })
  }
}
