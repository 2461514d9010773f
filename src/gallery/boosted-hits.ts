/**
 * Hits whose scores are raised where they fit a filter. The first of them are found without looking at all pictures: a hit
 * can only be among the first `count` when it is among the first `count` of those that fit all that it fits, because whatever
 * stands before it there is raised as much at least.
 */
import type { NearestHits } from './engine.js'
import type { Filter } from './filter.js'
import { bestFirst, type HitList, type UnrankedHit } from './hits.js'

export interface Boost {
  filter: Filter
  /** Added to the score of what fits, above 0. */
  weight: number
}

/** Each more doubles the lists. */
export const boostsMax = 3

interface Raised {
  weight: number
  list: HitList
}

export class BoostedHits implements HitList {
  readonly #nearest: NearestHits
  readonly #boosts: readonly Boost[]
  #lists: Promise<Raised[]> | undefined

  constructor(nearest: NearestHits, boosts: readonly Boost[]) {
    this.#nearest = nearest
    this.#boosts = boosts
  }

  async first(count: number): Promise<UnrankedHit[]> {
    const raised = new Map<string, UnrankedHit>()
    for (const { weight, list } of await (this.#lists ??= this.#listsOf())) {
      for (const hit of await list.first(count)) {
        const key = JSON.stringify([hit.gallery, hit.record.id])
        // those that fit more come later, and weigh more
        if ((raised.get(key)?.boost ?? -1) < weight)
          raised.set(key, { ...hit, score: hit.score + weight, boost: weight })
      }
    }
    return [...raised.values()].sort(bestFirst).slice(0, count)
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
    return lists
  }
}
