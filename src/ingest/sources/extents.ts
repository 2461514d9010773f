/** Detects overlapping entries in a zip: a body shared by thousands of entries is a bomb, which no packer writes. */

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
   * Two entries overlap if the n-th start is less than the (n − 1)-th end, each counted in sorted order. So starts and ends are sorted separately,
   * as numbers.
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
