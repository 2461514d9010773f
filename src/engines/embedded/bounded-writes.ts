/** Bounds the number of writes in flight and waits for them on close. */
import { AlikeError } from '../../errors.js'

export class BoundedWrites {
  readonly #max: number
  readonly #underWay = new Set<Promise<unknown>>()
  #closing = false

  /** @param max writes in flight; one more is refused */
  constructor(max: number) {
    this.#max = max
  }

  /** Unacknowledged writes. */
  get depth(): number {
    return this.#underWay.size
  }

  /** @throws AlikeError `shutting_down`, `overloaded`; what `write` throws */
  async run<Result>(write: () => Promise<Result>): Promise<Result> {
    if (this.#closing) throw new AlikeError('shutting_down')
    if (this.#underWay.size >= this.#max) throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
    const writing = write()
    this.#underWay.add(writing)
    try {
      return await writing
    } finally {
      this.#underWay.delete(writing)
    }
  }

  /** Refuses new writes; resolves when the accepted ones have finished. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#underWay)
  }
}
