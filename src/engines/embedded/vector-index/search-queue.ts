/** Bounds the searches that wait for the index. */
import { AlikeError } from '../../../errors.js'

export class SearchQueue {
  readonly #max: number
  #waiting = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @throws AlikeError `overloaded` if too many are waiting */
  async pass<Reply>(search: () => Promise<Reply>): Promise<Reply> {
    if (this.#waiting >= this.#max) throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
    this.#waiting++
    try {
      return await search()
    } finally {
      this.#waiting--
    }
  }
}
