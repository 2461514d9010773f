/** Who changes a gallery's embedding sets does so alone: one builds, exchanges, moves or removes them at a time. */
import { AlikeError } from '../errors.js'

export class SetExclusion {
  /** Galleries whose sets are being changed. */
  readonly #busy = new Set<string>()

  /** @throws AlikeError `overloaded` while somebody else is at it */
  async alone<Result>(gallery: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#busy.has(gallery))
      throw new AlikeError('overloaded', { detail: 'Its embedding sets are being changed.', retryAfterSeconds: 2 })
    this.#busy.add(gallery)
    try {
      return await work()
    } finally {
      this.#busy.delete(gallery)
    }
  }
}
