/** The nearest other pictures of every picture, best first, in two packed arrays. */

export class NeighbourLists {
  /** Number of pictures. */
  readonly size: number
  /** Maximum length of a list. */
  readonly depth: number
  readonly #counts: Uint32Array
  readonly #positions: Uint32Array
  readonly #scores: Float32Array

  constructor(size: number, depth: number) {
    this.size = size
    this.depth = depth
    this.#counts = new Uint32Array(size)
    this.#positions = new Uint32Array(size * depth)
    this.#scores = new Float32Array(size * depth)
  }

  /** Appends to a list, unless it is full. */
  append(position: number, other: number, score: number): void {
    const count = this.#counts[position]!
    if (count === this.depth) return
    this.#positions[position * this.depth + count] = other
    this.#scores[position * this.depth + count] = score
    this.#counts[position] = count + 1
  }

  count(position: number): number {
    return this.#counts[position]!
  }

  /** The i-th entry of a list, from 0. */
  other(position: number, i: number): number {
    return this.#positions[position * this.depth + i]!
  }

  score(position: number, i: number): number {
    return this.#scores[position * this.depth + i]!
  }
}
