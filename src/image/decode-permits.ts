/**
 * Limits how many pictures are decoded at once and how much memory they may take. The native library would run as many
 * decodes as libuv has threads, first come first served, whatever each needs; permits limit that to the number of cores
 * and a memory budget, and give searches priority.
 */
import { AlikeError } from '../errors.js'

export interface DecodeBudget {
  /** Concurrent decodes, ≥ 1. */
  count: number
  /** Of `count`: what bulk leaves free while searches come, so that they do not wait for it; default 0. */
  kept?: number | undefined
  /** Memory limit for all concurrent decodes together. */
  maxBytes: number
}

export type DecodePriority = 'interactive' | 'bulk'

export interface PermitOptions {
  /** Peak memory of the decode (`decode-memory.ts`). */
  bytes: number
  /** Aborted when the caller has left; waiting for the permit then ends. */
  signal?: AbortSignal | undefined
  priority?: DecodePriority | undefined
}

interface Waiting {
  bytes: number
  enter(): void
}

/** While a bulk picture waits for memory or a decoder, at most this many searches overtake it; then it is next. */
const passedOverMax = 16
/** After a search, bulk leaves room for the next one for this long. */
const keptMs = 1_000

export class DecodePermits {
  readonly #budget: DecodeBudget
  readonly #now: () => number
  readonly #running = { interactive: 0, bulk: 0 }
  #bytes = 0
  readonly #waiting: Record<DecodePriority, Set<Waiting>> = { interactive: new Set(), bulk: new Set() }
  #searchedAt = Number.NEGATIVE_INFINITY
  /** Searches that have overtaken the longest-waiting bulk picture. */
  #passedOver = 0

  /** @param now milliseconds of a clock that only goes forward */
  constructor(budget: DecodeBudget, now: () => number = () => performance.now()) {
    this.#budget = budget
    this.#now = now
  }

  /** Waiting pictures. The callers bound this: admitted requests and the window of jobs. */
  get depth(): number {
    return this.#waiting.interactive.size + this.#waiting.bulk.size
  }

  /** Upper bound of the memory in use by current decodes. */
  get bytesInUse(): number {
    return this.#bytes
  }

  /**
   * Runs `decode` under a permit.
   * @throws AlikeError `image_too_much_memory` if no permit could ever be granted; what `decode` throws; the signal's
   * reason when aborted while waiting
   */
  async run<Result>(decode: () => Promise<Result>, options: PermitOptions): Promise<Result> {
    const { maxBytes } = this.#budget
    if (options.bytes > maxBytes) {
      throw new AlikeError('image_too_much_memory', {
        detail: `It would take ${options.bytes} of the ${maxBytes} bytes available for all pictures together; a smaller picture or a baseline JPEG takes less.`,
      })
    }
    const { priority = 'interactive' } = options
    await this.#acquire(options, priority)
    try {
      return await decode()
    } finally {
      this.#running[priority] -= 1
      this.#bytes -= options.bytes
      this.#letEnter()
    }
  }

  #acquire({ bytes, signal }: PermitOptions, priority: DecodePriority): Promise<void> {
    signal?.throwIfAborted()
    if (priority === 'interactive') this.#searchedAt = this.#now()
    const line = this.#waiting[priority]
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.delete(waiting)
        reject(signal?.reason)
        this.#letEnter() // those waiting behind it may be smaller
      }
      const waiting = {
        bytes,
        enter() {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      line.add(waiting)
      this.#letEnter()
    })
  }

  /** Nothing may overtake the entry that is next; otherwise a large picture would never find enough free memory. */
  #letEnter(): void {
    for (let priority = this.#nextPriority(); priority !== undefined; priority = this.#nextPriority()) {
      const line = this.#waiting[priority]
      const next = line.values().next().value!
      if (this.#bytes + next.bytes > this.#budget.maxBytes) return
      line.delete(next)
      this.#running[priority] += 1
      this.#bytes += next.bytes
      this.#passedOver = priority === 'interactive' && this.#waiting.bulk.size > 0 ? this.#passedOver + 1 : 0
      next.enter()
    }
  }

  /** @returns undefined if nobody waits, or no decoder is free for those who do */
  #nextPriority(): DecodePriority | undefined {
    const { interactive, bulk } = this.#waiting
    const { count, kept = 0 } = this.#budget
    const free = count - this.#running.interactive - this.#running.bulk
    if (free === 0) return
    const bulkMax = this.#now() - this.#searchedAt < keptMs ? count - kept : count
    const mayBulk = bulk.size > 0 && this.#running.bulk < bulkMax
    if (mayBulk && (interactive.size === 0 || this.#passedOver >= passedOverMax)) return 'bulk'
    return interactive.size > 0 ? 'interactive' : undefined
  }
}
