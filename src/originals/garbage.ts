/** Removes originals that no image uses any more: soon those that an image gave up, now and then those that none ever took. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { OriginalStore } from './original-store.js'

/** What is known of the use of originals where images are recorded. */
export interface OriginalUses {
  /** Content hashes that images used and none does now, at most `limit`. */
  unused(limit: number): string[]
  isUsed(contentHash: string): boolean
  /** Takes them off the list of unused ones, unless an image uses them again. */
  forget(contentHashes: readonly string[]): Promise<void>
}

export interface GarbageOptions {
  store: OriginalStore
  uses: OriginalUses
  /** Between two looks at what images gave up. */
  everyMs: number
  /** Between two walks over the whole store. */
  sweepEveryMs: number
  /** An original is put before the image that uses it is committed: so long it is not touched. */
  minAgeMs: number
  onRemoved?: (bytes: number) => void
  logger: Logger
  clock?: () => Date
}

/** At once, then the loop looks up whether it is to end. */
const batchSize = 200

export class OriginalsGarbage {
  readonly #options: GarbageOptions
  readonly #ended = new AbortController()
  readonly #running: Promise<void>

  constructor(options: GarbageOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  /** Those that images gave up. @returns how many were removed */
  async collect(): Promise<number> {
    const { store, uses } = this.#options
    const before = this.#youngest()
    const gone: string[] = []
    for (const contentHash of uses.unused(batchSize)) {
      if (this.#ended.signal.aborted) break
      const bytes = await store.remove(contentHash, before)
      if (bytes > 0) this.#options.onRemoved?.(bytes)
      // One that stays is too young: it is on the list the next time.
      if (bytes === 0 && (await store.size(contentHash)) !== undefined) continue
      gone.push(contentHash)
    }
    if (gone.length > 0) await uses.forget(gone)
    return gone.length
  }

  /** Those of which nothing is known: a process died between the original and its image. @returns how many were removed */
  async sweep(): Promise<number> {
    const { store, uses } = this.#options
    const before = this.#youngest()
    let removed = 0
    for await (const { contentHash, putAt } of store.list()) {
      if (this.#ended.signal.aborted) break
      if (putAt > before || uses.isUsed(contentHash)) continue
      const bytes = await store.remove(contentHash, before)
      if (bytes === 0) continue
      this.#options.onRemoved?.(bytes)
      removed++
    }
    return removed
  }

  #youngest(): Date {
    const { clock = () => new Date(), minAgeMs } = this.#options
    return new Date(clock().getTime() - minAgeMs)
  }

  async #run(): Promise<void> {
    const { everyMs, sweepEveryMs, logger } = this.#options
    const { signal } = this.#ended
    let sweptAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      try {
        while ((await this.collect()) === batchSize && !signal.aborted);
        if (performance.now() - sweptAt > sweepEveryMs) {
          await this.sweep()
          sweptAt = performance.now()
        }
      } catch (error) {
        logger.warn({ err: error }, 'originals that no image uses could not be deleted; retrying later')
      }
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }
}
