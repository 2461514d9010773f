/** Removes rows of dropped sets and deleted galleries in the background, in steps between writes. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface RowRemovalOptions {
  /** One step; resolves to false when nothing is left. */
  step(): Promise<boolean>
  /** Called for the first of several failures, and then once an hour. */
  onFailure(error: unknown): void
  /** Pause before a step that failed is repeated: on a full disk there may be room by then. Default 5 s. */
  pauseMs?: number | undefined
  now?: (() => number) | undefined
}

const pauseDefaultMs = 5_000
const hourMs = 3_600_000

export class RowRemoval {
  readonly #options: RowRemovalOptions
  readonly #ended = new AbortController()
  /** Asked for since the latest step began. */
  #isDue = false
  #running: Promise<void> | undefined

  constructor(options: RowRemovalOptions) {
    this.#options = options
  }

  /** Call it whenever there may be something to remove. */
  start(): void {
    this.#isDue = true
    this.#running ??= this.#run()
  }

  /** Resolves when the step under way has ended. */
  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { step, onFailure, pauseMs = pauseDefaultMs, now = () => performance.now() } = this.#options
    const { signal } = this.#ended
    let reportedAt = Number.NEGATIVE_INFINITY
    while (this.#isDue && !signal.aborted) {
      try {
        this.#isDue = false
        if (await step()) this.#isDue = true
        else reportedAt = Number.NEGATIVE_INFINITY
      } catch (error) {
        this.#isDue = true
        if (now() - reportedAt >= hourMs) {
          reportedAt = now()
          onFailure(error)
        }
        await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {})
      }
    }
    this.#running = undefined
  }
}
