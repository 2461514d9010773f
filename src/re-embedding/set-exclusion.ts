/** Serialises changes to a gallery's embedding sets: only one build, switch, move or removal at a time. */
import { AlikeError } from '../errors.js'
import { tryHold } from '../gallery/held-locks.js'
import type { Writes } from '../gallery/writes.js'

export class SetExclusion {
  readonly #writes: Pick<Writes, 'shared'>
  /** Galleries whose sets are being changed. */
  readonly #busy = new Set<string>()

  constructor(writes: Pick<Writes, 'shared'>) {
    this.#writes = writes
  }

  /**
   * @throws AlikeError `overloaded` while another change is in progress, in this process or another one,
   * `store_unreachable`
   */
  async alone<Result>(gallery: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#busy.has(gallery)) throw beingChanged()
    this.#busy.add(gallery)
    try {
      const lock = await tryHold(this.#writes, 'sets', gallery)
      if (lock === undefined) throw beingChanged()
      return await work().finally(lock.release)
    } finally {
      this.#busy.delete(gallery)
    }
  }
}

function beingChanged(): AlikeError {
  return new AlikeError('overloaded', { detail: 'Its embedding sets are being changed.', retryAfterSeconds: 2 })
}
