/** Runs puts and removals of each original one after another: a put that finds an original being removed would acknowledge and lose it. */
import { OneAfterAnother } from '../one-after-another.js'

export class TurnsByHash {
  readonly #turns = new Map<string, { queue: OneAfterAnother; waiting: number }>()

  /** Settles as the work does. */
  async run<Result>(contentHash: string, work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turns.get(contentHash) ?? { queue: new OneAfterAnother(), waiting: 0 }
    this.#turns.set(contentHash, turn)
    turn.waiting++
    try {
      return await turn.queue.run(work)
    } finally {
      turn.waiting--
      if (turn.waiting === 0) this.#turns.delete(contentHash)
    }
  }
}
