/** At most so many a second, evenly: each waits for its turn. */
import { setTimeout as sleep } from 'node:timers/promises'

export class Pace {
  readonly #betweenMs: number
  /** Of the next one, as `performance.now` counts. */
  #nextAt = 0

  /** @param perSecond 0: no bound */
  constructor(perSecond: number) {
    this.#betweenMs = perSecond === 0 ? 0 : 1000 / perSecond
  }

  /** @throws the signal's reason when it is aborted meanwhile */
  async turn(signal?: AbortSignal): Promise<void> {
    const now = performance.now()
    const at = Math.max(now, this.#nextAt)
    this.#nextAt = at + this.#betweenMs
    if (at > now) await sleep(at - now, undefined, { signal })
    signal?.throwIfAborted()
  }
}
