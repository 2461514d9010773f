/**
 * What clients have written to a gallery, according to the responses: the oracle of every search and of the final
 * state.
 */
import assert from 'node:assert/strict'
import { Ledger, type State } from '../support/kill-ledger.js'
import { drawPicture, exactNearest, type Picture } from './pictures.js'

export const k = 10

export class WrittenGallery {
  readonly #ledger = new Ledger()
  readonly #drawn = new Map<number, Picture>()
  /** Acknowledged, and not being changed. */
  readonly #stable = new Map<string, number>()
  readonly #newest: string[] = []
  acknowledged = 0

  drawn(seed: number): Picture {
    const known = this.#drawn.get(seed)
    if (known !== undefined) return known
    const picture = drawPicture('written', seed)
    this.#drawn.set(seed, picture)
    return picture
  }

  begin(id: string, seed: number | undefined): void {
    this.#stable.delete(id)
    this.#ledger.begin(id, stateOf(seed))
  }

  acknowledge(id: string, seed: number | undefined): void {
    this.#ledger.acknowledge(id, stateOf(seed))
    this.acknowledged++
    if (seed === undefined) return
    this.#stable.set(id, seed)
    this.#newest.push(id)
    if (this.#newest.length > 200) this.#newest.shift()
  }

  leave(id: string): void {
    this.#ledger.leave(id)
  }

  /** A picture that may be changed. */
  pick(random: () => number): string | undefined {
    const ids = [...this.#stable.keys()]
    return ids[Math.floor(random() * ids.length)]
  }

  /** A recently acknowledged picture. */
  pickNew(random: () => number): { id: string; seed: number } | undefined {
    const recent = this.#newest.slice(-20)
    const id = recent[Math.floor(random() * recent.length)]
    const seed = id === undefined ? undefined : this.#stable.get(id)
    return seed === undefined ? undefined : { id: id!, seed }
  }

  /** What is certainly stored under it. */
  seedOf(id: string): number | undefined {
    return this.#stable.get(id)
  }

  /**
   * Called before a search; the result takes the hits and returns how many of the nearest were among them. Ids changed
   * in the meantime do not count.
   */
  watch(query: Float32Array): (hits: readonly string[]) => number {
    const before = new Map(this.#stable)
    return (hits) => {
      const pictures = new Map<string, Picture>()
      for (const [id, seed] of before) if (this.#stable.get(id) === seed) pictures.set(id, this.drawn(seed))
      const truth = exactNearest(query, pictures, k)
      const told = new Set(hits.filter((id) => pictures.has(id)).slice(0, k))
      return truth.filter((id) => told.has(id)).length / Math.max(1, truth.length)
    }
  }

  /** Everything that is stored must be possible. @param stored content hash by id @returns their number */
  compare(stored: ReadonlyMap<string, string>): number {
    const seeds = new Map([...this.#drawn].map(([seed, { contentHash }]) => [contentHash, seed]))
    const states = [...stored].map(([id, hash]): [string, State] => [id, stateOf(seeds.get(hash) ?? -1)])
    this.#ledger.compare(new Map(states), 'after the run')
    return states.length
  }

  /** Everything that is certainly stored. */
  get stable(): ReadonlyMap<string, Picture> {
    return new Map([...this.#stable].map(([id, seed]) => [id, this.drawn(seed)]))
  }

  expectSome(count: number): void {
    assert.ok(this.#stable.size >= count, `only ${this.#stable.size} pictures`)
  }
}

function stateOf(seed: number | undefined): State {
  return seed === undefined ? 'absent' : { image: seed, label: '' }
}
