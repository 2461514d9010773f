/** Collects neighbours returned by the index into lists, translating scan numbers to positions. */
import type { WholeGallery } from '../gallery/whole-gallery.js'
import { NeighbourLists } from './findings/neighbour-lists.js'

export interface FoundNeighbours {
  queries: Uint32Array
  k: number
  /** [queries] */
  counts: Uint32Array
  /** [queries, k] */
  numbers: Uint32Array
  /** [queries, k] */
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
  take({ queries, k, counts, numbers, scores }: FoundNeighbours): void {
    queries.forEach((number, row) => {
      const position = this.#positionOf.get(number)!
      for (let i = 0; i < counts[row]!; i++) {
        const other = this.#positionOf.get(numbers[row * k + i]!)
        if (other !== undefined) this.lists.append(position, other, scores[row * k + i]!)
      }
    })
  }
}
