/** Rate limiter: spaces calls evenly, up to a maximum per second, in order of arrival. */

export class Pace {
  readonly #betweenMs: number
  /** Starts each waiting call, in order. */
  readonly #waiting = new Set<() => void>()
  /** Time of the next turn, by `performance.now`. */
  #nextAt = 0
  #timer: NodeJS.Timeout | undefined

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number) {
    this.#betweenMs = perSecond === 0 ? 0 : 1000 / perSecond
  }

  /** A call that is aborted while it waits takes no turn. @throws the signal's reason if aborted */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#betweenMs === 0) return
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.delete(begin)
        if (this.#waiting.size === 0) this.#endTimer()
        reject(signal!.reason as Error)
      }
      signal?.addEventListener('abort', leave, { once: true })
      this.#waiting.add(begin)
      if (this.#timer === undefined) this.#beginDue()
    })
  }

  #beginDue(): void {
    this.#endTimer()
    for (const begin of this.#waiting) {
      const now = performance.now()
      if (now < this.#nextAt) {
        this.#timer = setTimeout(() => this.#beginDue(), this.#nextAt - now)
        return
      }
      this.#waiting.delete(begin)
      this.#nextAt = now + this.#betweenMs
      begin()
    }
  }

  #endTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
