/** Removals one by one: one that the store alone denies, perhaps for ever, keeps no other waiting; it is counted and logged. */
import type { Logger } from 'pino'
import { hasCode } from '../errors.js'
import type { OriginalStore } from './original-store.js'

export interface DeniedRemovalsOptions {
  /** What is being removed, for the log. */
  what: string
  /** Called each time. */
  onDenied?: (() => void) | undefined
  logger: Logger
}

/** Between two lines of the log. */
const lineMs = 3_600_000

export class DeniedRemovals {
  readonly #options: DeniedRemovalsOptions
  /** Since the last line. */
  #denied = 0
  #nextLine = Number.NEGATIVE_INFINITY

  constructor(options: DeniedRemovalsOptions) {
    this.#options = options
  }

  /** @returns as `OriginalStore.remove`; undefined for one that the store denies */
  async remove(store: OriginalStore, contentHash: string, youngerThan: Date): Promise<number | undefined> {
    try {
      return await store.remove(contentHash, youngerThan)
    } catch (error) {
      if (!hasCode(error, 'original_unreadable')) throw error
      this.#options.onDenied?.()
      this.#log(contentHash, error)
      return undefined
    }
  }

  #log(contentHash: string, err: Error): void {
    this.#denied++
    if (performance.now() < this.#nextLine) return
    const { what, logger } = this.#options
    logger.warn({ err, contentHash, denied: this.#denied }, `the store denies the deletion of ${what}`)
    this.#denied = 0
    this.#nextLine = performance.now() + lineMs
  }
}
