/** Collects neighbours returned by the index into lists, translating scan numbers to positions. */
import type { WholeGallery } from '../gallery/whole-gallery.js'
import { NeighbourLists } from './findings/neighbour-lists.js'

export interface FoundNeighbours {
  asked: Uint32Array
  k: number
  /** [asked] */
  counts: Uint32Array
  /** [asked, k] */
  numbers: Uint32Array
  /** [asked, k] */
  scores: Float32Array
}

export class Gathering {
  readonly lists: NeighbourLists
  readonly #positionOf: ReadonlyMap<number, number>

  /** @param depth neighbours kept per picture */
  constructor({ numbers }: Pick<WholeGallery, 'numbers'>, depth: number) {
    this.lists = new NeighbourLists(numbers.length, depth)
    this.#positionOf = new Map(Array.from(numbers, (number, position) => [number, position]))
  }

  /** Skips neighbours that were added to the gallery after it was read. */
  take({ asked, k, counts, numbers, scores }: FoundNeighbours): void {
    asked.forEach((number, row) => {
      const position = this.#positionOf.get(number)!
      for (let i = 0; i < counts[row]!; i++) {
        const other = this.#positionOf.get(numbers[row * k + i]!)
        if (other !== undefined) this.lists.append(position, other, scores[row * k + i]!)
      }
    })
  }
}
