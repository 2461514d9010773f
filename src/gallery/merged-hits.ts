/** Several lists of hits merged into one, which continues where it ended when more of it is requested. Pure. */
import { bestFirst, type UnrankedHit } from './hits.js'

/**
 * A list may continue with hits that score higher than those before, found by a deeper search of a graph. Sorting all
 * of them again would move hits across the ends of pages, so each hit is the best of those that come next in the lists.
 */
export class MergedHits {
  readonly #hits: UnrankedHit[] = []
  /** How many hits of each list have been taken, or were there already. */
  readonly #places: number[] = []
  readonly #known = new Set<string>()

  /**
   * @param lists the first `count` of each, or all there are; always the same lists. A picture in several of them counts
   * once; of equal hits that of the first list is taken.
   */
  first(count: number, lists: readonly (readonly UnrankedHit[])[]): UnrankedHit[] {
    while (this.#hits.length < count) {
      const best = this.#best(lists)
      if (best === undefined) break
      this.#hits.push(best)
      this.#known.add(keyOf(best))
    }
    return this.#hits.slice(0, count)
  }

  #best(lists: readonly (readonly UnrankedHit[])[]): UnrankedHit | undefined {
    let best: UnrankedHit | undefined
    for (const [i, list] of lists.entries()) {
      let place = this.#places[i] ?? 0
      while (place < list.length && this.#known.has(keyOf(list[place]!))) place++
      this.#places[i] = place
      const next = list[place]
      if (next !== undefined && (best === undefined || bestFirst(next, best) < 0)) best = next
    }
    return best
  }
}

/** Names contain no NUL. */
function keyOf({ gallery = '', record }: UnrankedHit): string {
  return `${gallery}\0${record.id}`
}
