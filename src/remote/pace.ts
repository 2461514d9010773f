/** Rate limiter: spaces calls evenly, up to a maximum per second. */
import { setTimeout as sleep } from 'node:timers/promises'

export class Pace {
  readonly #betweenMs: number
  /** Time of the next turn, by `performance.now`. */
  #nextAt = 0

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number) {
    this.#betweenMs = perSecond === 0 ? 0 : 1000 / perSecond
  }

  /** @throws the signal's reason if aborted while waiting */
  async turn(signal?: AbortSignal): Promise<void> {
    const now = performance.now()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + this.#betweenMs
    if (at > now) await sleep(at - now, undefined, { signal })
    signal?.throwIfAborted()
  }
}
