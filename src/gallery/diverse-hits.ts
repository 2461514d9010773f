/** The hits of a list, reordered so that they differ from each other. */
import { chooseDiverse } from '../ranking/marginal-relevance.js'
import type { OpenSet } from './engine.js'
import type { HitList, UnrankedHit } from './hits.js'

export interface DiverseHitsOptions {
  hits: HitList
  set: Pick<OpenSet, 'likeness'>
  /** 0: in order of score; 1: as dissimilar as possible. */
  diversity: number
  /** This many of the best are reordered together; then as many of the following ones. */
  candidates: number
}

export class DiverseHits implements HitList {
  readonly #options: DiverseHitsOptions
  /** In order of selection. */
  readonly #chosen: UnrankedHit[] = []
  #ended = false

  constructor(options: DiverseHitsOptions) {
    this.#options = options
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (!this.#ended && this.#chosen.length < count) await this.#chooseOn()
    return this.#chosen.slice(0, count)
  }

  /** Always whole pools, however many hits are requested, so that pages are slices of one order. */
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

  /** The highest similarity of each record to a hit already chosen. */
  async #nearestChosen(records: readonly UnrankedHit['record'][]): Promise<number[]> {
    const chosen = this.#chosen.map(({ record }) => record)
    const likeness = await this.#options.set.likeness(records, chosen)
    return records.map((_, row) =>
      likeness.subarray(row * chosen.length, (row + 1) * chosen.length).reduce((most, one) => Math.max(most, one)),
    )
  }
}
