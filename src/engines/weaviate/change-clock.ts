/** Timestamps of records, and the order of puts. */

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

  /**
   * Greater than every previous one: microseconds, or the previous one plus one. Stamps of other processes are only as
   * accurate as their clocks.
   */
  stamp(): number {
    this.#last = Math.max(this.#last + 1, Date.now() * 1_000)
    return this.#last
  }
}
