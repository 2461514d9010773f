/** The hits of a list in an order in which they are not all alike. */

import type { VectorIndex } from '../engines/embedded/vector-index/vector-index.js'
import { chooseDiverse } from '../ranking/marginal-relevance.js'
import { slotsOf } from './distinct-hits.js'
import type { HitList, UnrankedHit } from './nearest-hits.js'

export interface DiverseHitsOptions {
  hits: HitList
  index: Pick<VectorIndex, 'compare'>
  /** 0: the order of scores; 1: as unlike each other as they come. */
  diversity: number
  /** So many of the best are ordered together; then as many of those that come after them. */
  candidates: number
}

/** Rows compared in one call: the index answers other searches between two calls. */
const blockSize = 32

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
    const { hits, index, diversity, candidates } = this.#options
    const end = this.#chosen.length + candidates
    const pool = (await hits.first(end)).slice(this.#chosen.length)
    const slots = slotsOf(pool)
    const before = this.#chosen.length === 0 ? undefined : await nearestOf(slots, slotsOf(this.#chosen), index)
    const between = await likenessOf(slots, index)
    const order = chooseDiverse({
      scores: pool.map(({ score }) => score),
      between,
      nearestChosen: before,
      diversity,
      k: pool.length,
    })
    this.#ended = pool.length < candidates
    for (const position of order) this.#chosen.push(pool[position]!)
  }
}

/** Of each slot the highest likeness to one of the others. */
async function nearestOf(
  slots: Uint32Array,
  others: Uint32Array,
  index: Pick<VectorIndex, 'compare'>,
): Promise<number[]> {
  const nearest: number[] = []
  for (let begin = 0; begin < slots.length; begin += blockSize) {
    const rows = slots.slice(begin, begin + blockSize)
    const likeness = await index.compare(rows, others.slice())
    rows.forEach((_, row) =>
      nearest.push(Math.max(...likeness.subarray(row * others.length, (row + 1) * others.length))),
    )
  }
  return nearest
}

/** Likeness is mutual: each block of rows is compared with itself and what comes after it. */
async function likenessOf(
  slots: Uint32Array,
  index: Pick<VectorIndex, 'compare'>,
): Promise<(a: number, b: number) => number> {
  const blocks: Float32Array[] = []
  for (let begin = 0; begin < slots.length; begin += blockSize)
    blocks.push(await index.compare(slots.slice(begin, begin + blockSize), slots.slice(begin)))
  return (a, b) => {
    const [row, column] = a < b ? [a, b] : [b, a]
    const block = Math.floor(row / blockSize)
    const begin = block * blockSize
    return blocks[block]![(row - begin) * (slots.length - begin) + column - begin]!
  }
}
