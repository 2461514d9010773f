/**
 * Requests per caller in windows of time, in memory. The library's own store goes by the time of day: a clock that is set
 * back by a day would refuse callers for a day.
 */
import type { FastifyRateLimitStore } from '@fastify/rate-limit'

/** Beyond these, the caller whose window is oldest is forgotten. */
const callersMax = 50_000

export class RateWindows implements FastifyRateLimitStore {
  /** Oldest first. */
  readonly #windows = new Map<string, { current: number; startedAt: number }>()

  incr(
    caller: string,
    callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
    windowMs: number,
  ): void {
    const now = performance.now()
    let window = this.#windows.get(caller)
    if (window === undefined || now - window.startedAt >= windowMs) {
      window = { current: 0, startedAt: now }
      this.#windows.delete(caller)
      this.#windows.set(caller, window)
      if (this.#windows.size > callersMax) this.#windows.delete(this.#windows.keys().next().value!)
    }
    window.current += 1
    callback(null, { current: window.current, ttl: windowMs - (now - window.startedAt) })
  }

  child(): RateWindows {
    return new RateWindows()
  }
}
