/** The hits of a list without near-copies of better ones; others move up in their place. */
import { firstComparable, withoutCopies } from '../ranking/near-copies.js'
import type { VectorIndex } from '../vector-index/vector-index.js'
import type { HitList, UnrankedHit } from './nearest-hits.js'

export interface DistinctHitsOptions {
  hits: HitList
  index: Pick<VectorIndex, 'compare'>
  /** Hits that score at least so much against a better one are left out. */
  duplicateScore: number
  /** Most hits of the list that are looked at. */
  candidatesMax: number
  /** Hits of another list that were shown: copies of them are left out, they themselves are not given. */
  better?: readonly UnrankedHit[]
}

/** Hits compared in one call: the index answers other searches between two calls. */
const blockSize = 64

export class DistinctHits implements HitList {
  readonly #options: DistinctHitsOptions
  readonly #betterCount: number
  readonly #kept: UnrankedHit[]
  #looked = 0
  #ended = false

  constructor(options: DistinctHitsOptions) {
    this.#options = options
    this.#kept = [...(options.better ?? [])]
    this.#betterCount = this.#kept.length
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (!this.#ended && this.#kept.length - this.#betterCount < count) await this.#lookOn()
    return this.#kept.slice(this.#betterCount, this.#betterCount + count)
  }

  async #lookOn(): Promise<void> {
    const { hits, index, duplicateScore, candidatesMax } = this.#options
    const end = Math.min(this.#looked + blockSize, candidatesMax)
    const block = (await hits.first(end)).slice(this.#looked)
    if (block.length > 0) {
      const scores = this.#kept.map(({ score }) => score)
      const best = Math.max(...block.map(({ score }) => score))
      const originals = this.#kept.slice(firstComparable(scores, best, duplicateScore))
      const likeness = await index.compare(slotsOf(block), slotsOf([...originals, ...block]))
      for (const stays of withoutCopies({ likeness, count: block.length, kept: originals.length, duplicateScore })) this.#kept.push(block[stays]!)
    }
    this.#looked += block.length
    this.#ended = this.#looked < end || end === candidatesMax
  }
}

export function slotsOf(hits: readonly UnrankedHit[]): Uint32Array {
  return Uint32Array.from(hits, ({ record }) => record.slot)
}
