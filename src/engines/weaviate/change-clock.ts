/** The time that records carry, and the order of putting. */

export class ChangeClock {
  readonly #clock: () => Date
  #last = 0

  constructor(clock: () => Date) {
    this.#clock = clock
  }

  /** ISO 8601. */
  now(): string {
    return this.#clock().toISOString()
  }

  /** Above every one before it: microseconds, or one more. What another process gives at the same time is as near as their clocks are. */
  stamp(): number {
    this.#last = Math.max(this.#last + 1, Date.now() * 1_000)
    return this.#last
  }
}
