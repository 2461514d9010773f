/** Where the entries of a zip lie: one body that thousands of entries point to is a bomb, and never what a packer wrote. */

export class Extents {
  #starts = new Float64Array(1024)
  #ends = new Float64Array(1024)
  #count = 0
  #inOrder = true

  add(start: number, bytes: number): void {
    if (this.#count === this.#starts.length) {
      this.#starts = grown(this.#starts)
      this.#ends = grown(this.#ends)
    }
    this.#inOrder &&= this.#count === 0 || start >= this.#ends[this.#count - 1]!
    this.#starts[this.#count] = start
    this.#ends[this.#count] = start + bytes
    this.#count += 1
  }

  /**
   * So many have begun at a place, so many have ended: where the next begins before all earlier ones
   * have ended, two lie there. So both lists are sorted alone, as numbers.
   */
  overlap(): boolean {
    if (this.#inOrder) return false
    const starts = this.#starts.subarray(0, this.#count).sort()
    const ends = this.#ends.subarray(0, this.#count).sort()
    return starts.some((start, at) => at > 0 && start < ends[at - 1]!)
  }
}

function grown(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * numbers.length)
  larger.set(numbers)
  return larger
}
