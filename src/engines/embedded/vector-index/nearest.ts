/** The k best of many scores: a heap of k entries with the worst on top. */
import type { Neighbour } from './vector-index.js'

export class Nearest {
  readonly #scores: Float64Array
  readonly #slots: Float64Array
  #count = 0

  constructor(k: number) {
    this.#scores = new Float64Array(k)
    this.#slots = new Float64Array(k)
  }

  offer(slot: number, score: number): void {
    if (this.#count < this.#scores.length) this.#rise(this.#count++, slot, score)
    else if (this.#count > 0 && this.#isWorse(0, slot, score)) this.#sink(slot, score)
  }

  /** Score descending, then slot ascending. */
  sorted(): Neighbour[] {
    const neighbours: Neighbour[] = []
    for (let i = 0; i < this.#count; i++) neighbours.push({ slot: this.#slots[i]!, score: this.#scores[i]! })
    return neighbours.sort((a, b) => b.score - a.score || a.slot - b.slot)
  }

  /** Whether the entry at `i` ranks below the given one. */
  #isWorse(i: number, slot: number, score: number): boolean {
    const own = this.#scores[i]!
    return own < score || (own === score && this.#slots[i]! > slot)
  }

  #rise(from: number, slot: number, score: number): void {
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      // A parent must be worse than its children; otherwise it moves down.
      if (this.#isWorse(parent, slot, score)) break
      this.#move(parent, i)
      i = parent
    }
    this.#place(i, slot, score)
  }

  #sink(slot: number, score: number): void {
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= this.#count) break
      const right = child + 1
      if (right < this.#count && this.#isWorse(right, this.#slots[child]!, this.#scores[child]!)) child = right
      if (!this.#isWorse(child, slot, score)) break
      this.#move(child, i)
      i = child
    }
    this.#place(i, slot, score)
  }

  #move(from: number, to: number): void {
    this.#scores[to] = this.#scores[from]!
    this.#slots[to] = this.#slots[from]!
  }

  #place(i: number, slot: number, score: number): void {
    this.#slots[i] = slot
    this.#scores[i] = score
  }
}
