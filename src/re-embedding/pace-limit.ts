/** Limits pictures per second to a requested rate. */
import { setTimeout as sleep } from 'node:timers/promises'

export class PaceLimit {
  readonly #perSecond: number
  #dueAt = 0

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Accounts for this many pictures: resolves when the next may start. @throws the signal's reason */
  async spend(pictures: number, signal: AbortSignal): Promise<void> {
    if (this.#perSecond === 0 || pictures === 0) return
    const now = performance.now()
    this.#dueAt = Math.max(this.#dueAt, now) + (pictures / this.#perSecond) * 1_000
    await sleep(this.#dueAt - now, undefined, { signal })
  }
}
