/** Searches among near-copies only, each a walk over all descriptors of its galleries, in whichever engine those live. */
import { AlikeError } from '../errors.js'

/** Maximum in progress; engines take turns between them. */
export const copyWalksMax = 8

export class CopyWalks {
  #underWay = 0

  get count(): number {
    return this.#underWay
  }

  /** @throws AlikeError `overloaded`; what `walk` throws */
  async pass<Result>(walk: () => Promise<Result>): Promise<Result> {
    if (this.#underWay >= copyWalksMax)
      throw new AlikeError('overloaded', {
        detail: `${copyWalksMax} searches for copies are in progress.`,
        retryAfterSeconds: 1,
      })
    this.#underWay += 1
    try {
      return await walk()
    } finally {
      this.#underWay -= 1
    }
  }
}
