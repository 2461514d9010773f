/** Passes over stored work, one at a time: whatever arrives during a pass is seen by the next one. */
export class Passes {
  readonly #pass: () => Promise<void>
  #underWay: Promise<void> | undefined
  /** Work may have arrived since the last pass began. */
  #isDue = false
  #timer: NodeJS.Timeout | undefined
  /** When the timer expires, by `performance.now()`. */
  #timerAt = Infinity
  #isClosed = false

  /** @param pass handles its own failures */
  constructor(pass: () => Promise<void>) {
    this.#pass = pass
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Begins a pass, now or after the one in progress. */
  begin(): void {
    if (this.#isClosed) return
    this.#isDue = true
    this.#underWay ??= this.#work()
  }

  /** Begins a pass after this time, unless one is already due earlier. */
  beginIn(ms: number): void {
    const inMs = Math.min(ms, delayMaxMs)
    const at = performance.now() + inMs
    if (this.#isClosed || at >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity
      this.begin()
    }, inMs).unref()
  }

  /** Begins none from now on. Resolves when the one in progress has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#underWay
  }

  async #work(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false
      await this.#pass()
    }
    this.#underWay = undefined
  }
}

/** Of a timer. */
const delayMaxMs = 2 ** 31 - 1
