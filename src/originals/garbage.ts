/**
 * Removes originals that no image uses: soon after the last image gave one up, and by occasional scans those never used.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { DeniedRemovals } from './denied-removals.js'
import type { OriginalStore } from './original-store.js'

/** What the image records know about the use of originals. */
export interface OriginalUses {
  /** Whether no image is recorded elsewhere: otherwise nothing may be removed. */
  knowsAll(): boolean
  /** Content hashes that images gave up, used again or not, at most `limit`: in their order, those that follow `after`. */
  released(limit: number, after: string): string[]
  isUsed(contentHash: string): boolean
  /** Whether any image has this content, even one whose gallery has given up its originals. */
  isRecorded(contentHash: string): boolean
  /** Removes them from that list: what has been removed, and of `usedAgain` those that an image still uses. */
  forget(originals: SettledOriginals): Promise<void>
}

/** Content hashes that images gave up. */
export interface SettledOriginals {
  removed: readonly string[]
  usedAgain: readonly string[]
}

export interface GarbageOptions {
  store: OriginalStore
  uses: OriginalUses
  /** Whether no other installation stores originals there: otherwise nothing is removed. Default: it does not. */
  areOwn?: (() => Promise<boolean>) | undefined
  /** Interval between checks for released originals. */
  everyMs: number
  /** Interval between scans of the whole store. */
  sweepEveryMs: number
  /** An original is stored before the image that uses it is committed, so younger ones are not touched. */
  minAgeMs: number
  /** The same for those that no image has: a job that waits for space may commit its images much later. Default: `minAgeMs`. */
  strayMinAgeMs?: number | undefined
  onRemoved?: (bytes: number) => void
  /** Called each time the store denies the removal of one, while it answers for others. */
  onDenied?: () => void
  logger: Logger
  clock?: () => Date
}

/** Processed at once, before the loop checks whether it should stop. */
const batchSize = 200

export class OriginalsGarbage {
  readonly #options: GarbageOptions
  readonly #ended = new AbortController()
  /** Last of the released originals looked at: the next ones have their turn, because these may remain for a while. */
  #lookedTo = ''
  readonly #removals: DeniedRemovals
  readonly #running: Promise<void>

  constructor(options: GarbageOptions) {
    this.#options = options
    this.#removals = new DeniedRemovals({ ...options, what: 'originals that no image uses' })
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  /** Looks at some of the originals that images gave up, and removes what none uses again. @returns how many are settled */
  async collect(): Promise<number> {
    const { store, uses } = this.#options
    if (!uses.knowsAll()) return 0
    const before = this.#youngest()
    const released = uses.released(batchSize, this.#lookedTo)
    this.#lookedTo = released.length < batchSize ? '' : released.at(-1)!
    if (released.length === 0 || !(await this.#areOwn())) return 0
    const removed: string[] = []
    const usedAgain: string[] = []
    for (const contentHash of released) {
      if (this.#ended.signal.aborted) break
      if (uses.isUsed(contentHash)) {
        usedAgain.push(contentHash)
        continue
      }
      const bytes = await this.#removals.remove(store, contentHash, before)
      if (bytes === undefined) continue
      if (bytes > 0) this.#options.onRemoved?.(bytes)
      // One that remains is too young: it stays on the list.
      if (bytes === 0 && (await store.size(contentHash)) !== undefined) continue
      removed.push(contentHash)
    }
    const settled = removed.length + usedAgain.length
    if (settled > 0) await uses.forget({ removed, usedAgain })
    return settled
  }

  /** Removes originals that no image ever used: a process died after storing the original. @returns how many */
  async sweep(): Promise<number> {
    const { store, uses } = this.#options
    if (!uses.knowsAll()) return 0
    const { minAgeMs, strayMinAgeMs = minAgeMs } = this.#options
    const [before, strayBefore] = [this.#youngest(), this.#youngest(strayMinAgeMs)]
    if (!(await this.#areOwn())) return 0
    let removed = 0
    for await (const { contentHash, putAt } of store.list()) {
      if (this.#ended.signal.aborted) break
      if (putAt > before || uses.isUsed(contentHash)) continue
      const oldEnough = uses.isRecorded(contentHash) ? before : strayBefore
      if (putAt > oldEnough) continue
      const bytes = await this.#removals.remove(store, contentHash, oldEnough)
      if (bytes === undefined || bytes === 0) continue
      this.#options.onRemoved?.(bytes)
      removed++
    }
    return removed
  }

  async #areOwn(): Promise<boolean> {
    return (await this.#options.areOwn?.()) ?? true
  }

  #youngest(minAgeMs = this.#options.minAgeMs): Date {
    const { clock = () => new Date() } = this.#options
    return new Date(clock().getTime() - minAgeMs)
  }

  async #run(): Promise<void> {
    const { everyMs, sweepEveryMs, logger } = this.#options
    const { signal } = this.#ended
    let sweptAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      try {
        while ((await this.collect()) > 0 && this.#lookedTo !== '' && !signal.aborted);
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
