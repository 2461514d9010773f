/**
 * Detects overlapping entries in a zip: a body shared by thousands of entries is a bomb, and an entry that reaches into the next one is
 * damaged. Once every entry within which another one begins is refused, the others share no bytes.
 */
import { firstFrom } from '../../first-from.js'

export class Extents {
  #starts = new Float64Array(1024)
  #count = 0
  #lastEnd = 0
  #inOrder = true
  #sorted: Float64Array | undefined

  /** Add all of them before the first question. */
  add(start: number, bytes: number): void {
    if (this.#count === this.#starts.length) this.#starts = grown(this.#starts)
    this.#inOrder &&= start >= this.#lastEnd
    this.#lastEnd = start + bytes
    this.#starts[this.#count] = start
    this.#count += 1
  }

  /** Whether another entry begins within this one, which has been added. */
  holdsAnother({ start, bytes }: { start: number; bytes: number }): boolean {
    if (this.#inOrder) return false
    this.#sorted ??= this.#starts.subarray(0, this.#count).sort()
    const next = this.#sorted[firstFrom(this.#sorted, start) + 1]
    return next !== undefined && next < start + bytes
  }
}

function grown(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * numbers.length)
  larger.set(numbers)
  return larger
}
