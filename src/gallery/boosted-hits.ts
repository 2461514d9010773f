/**
 * Hits whose scores are raised if they match a filter. The best of them are found without reading all pictures: a hit
 * can only be among the first `count` if it is among the first `count` of the pictures that match all the filters it
 * matches, because whatever precedes it there is raised by at least as much.
 */
import type { NearestHits } from './engine.js'
import type { Filter } from './filter.js'
import type { MeasuredHits, UnrankedHit } from './hits.js'
import { MergedHits } from './merged-hits.js'

export interface Boost {
  filter: Filter
  /** Added to the score of pictures that match; above 0. */
  weight: number
}

/** Each further boost doubles the number of lists. */
export const boostsMax = 3

interface Raised {
  weight: number
  list: MeasuredHits
}

export class BoostedHits implements MeasuredHits {
  readonly #nearest: NearestHits
  readonly #boosts: readonly Boost[]
  readonly #merged = new MergedHits()
  #lists: Promise<Raised[]> | undefined
  #fitting: readonly MeasuredHits[] = []

  constructor(nearest: NearestHits, boosts: readonly Boost[]) {
    this.#nearest = nearest
    this.#boosts = boosts
  }

  /** Without the list of all hits, which belongs to the caller. */
  get bytes(): number {
    return this.#fitting.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  async first(count: number): Promise<UnrankedHit[]> {
    const lists: UnrankedHit[][] = []
    for (const { weight, list } of await (this.#lists ??= this.#listsOf()))
      lists.push(
        (await list.first(count)).map((hit) => ({
          ...hit,
          score: hit.score + weight,
          boost: weight,
          similarity: hit.score,
        })),
      )
    return this.#merged.first(count, lists)
  }

  async #listsOf(): Promise<Raised[]> {
    const lists: Raised[] = [{ weight: 0, list: this.#nearest }]
    for (let chosen = 1; chosen < 2 ** this.#boosts.length; chosen++) {
      const boosts = this.#boosts.filter((_, i) => (chosen & (1 << i)) !== 0)
      const filters = boosts.map(({ filter }) => filter)
      const filter = filters.length === 1 ? filters[0]! : { and: filters }
      lists.push({
        weight: boosts.reduce((sum, { weight }) => sum + weight, 0),
        list: await this.#nearest.fitting(filter, []),
      })
    }
    this.#fitting = lists.slice(1).map(({ list }) => list)
    // those that match the most filters first: they have the higher weight
    return lists.reverse()
  }
}
