/** The hits of a list in an order in which they are not all alike. */
import { chooseDiverse } from '../ranking/marginal-relevance.js'
import type { OpenSet } from './engine.js'
import type { HitList, UnrankedHit } from './hits.js'

export interface DiverseHitsOptions {
  hits: HitList
  set: Pick<OpenSet, 'likeness'>
  /** 0: the order of scores; 1: as unlike each other as they come. */
  diversity: number
  /** So many of the best are ordered together; then as many of those that come after them. */
  candidates: number
}

export class DiverseHits implements HitList {
  readonly #options: DiverseHitsOptions
  /** In the order of choice. */
  readonly #chosen: UnrankedHit[] = []
  #ended = false

  constructor(options: DiverseHitsOptions) {
    this.#options = options
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (!this.#ended && this.#chosen.length < count) await this.#chooseOn()
    return this.#chosen.slice(0, count)
  }

  /** Always whole pools, however many are asked for, so that pages are pieces of one order. */
  async #chooseOn(): Promise<void> {
    const { hits, set, diversity, candidates } = this.#options
    const end = this.#chosen.length + candidates
    const pool = (await hits.first(end)).slice(this.#chosen.length)
    const records = pool.map(({ record }) => record)
    const before = this.#chosen.length === 0 ? undefined : await this.#nearestChosen(records)
    const likeness = await set.likeness(records, records)
    const order = chooseDiverse({
      scores: pool.map(({ score }) => score),
      between: (a, b) => likeness[a * records.length + b]!,
      nearestChosen: before,
      diversity,
      k: pool.length,
    })
    this.#ended = pool.length < candidates
    for (const position of order) this.#chosen.push(pool[position]!)
  }

  /** Of each the highest likeness to one that was chosen before. */
  async #nearestChosen(records: readonly UnrankedHit['record'][]): Promise<number[]> {
    const chosen = this.#chosen.map(({ record }) => record)
    const likeness = await this.#options.set.likeness(records, chosen)
    return records.map((_, row) =>
      likeness.subarray(row * chosen.length, (row + 1) * chosen.length).reduce((most, one) => Math.max(most, one)),
    )
  }
}
