/**
 * Limits how many pictures are decoded at once and how much memory they may take. The native library would run as many
 * decodes as libuv has threads, first come first served, whatever each needs; permits limit that to the number of cores
 * and a memory budget, and give searches priority.
 */
import { AlikeError } from '../errors.js'

export interface DecodeBudget {
  /** Concurrent decodes, ≥ 1. */
  count: number
  /** Memory limit for all concurrent decodes together. */
  maxBytes: number
}

export interface PermitOptions {
  /** Peak memory of the decode (`decode-memory.ts`). */
  bytes: number
  /** Aborted when the caller has left; waiting for the permit then ends. */
  signal?: AbortSignal | undefined
  priority?: 'interactive' | 'bulk' | undefined
}

interface Waiting {
  bytes: number
  enter(): void
}

/** While a bulk picture waits for memory or a decoder, at most this many searches overtake it; then it is next. */
const passedOverMax = 16

export class DecodePermits {
  readonly #budget: DecodeBudget
  #running = 0
  #bytes = 0
  readonly #waiting: Record<'interactive' | 'bulk', Set<Waiting>> = { interactive: new Set(), bulk: new Set() }
  /** Searches that have overtaken the longest-waiting bulk picture. */
  #passedOver = 0

  constructor(budget: DecodeBudget) {
    this.#budget = budget
  }

  /** Waiting pictures. The callers bound this: admitted requests and the window of a job. */
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
    await this.#acquire(options)
    try {
      return await decode()
    } finally {
      this.#running -= 1
      this.#bytes -= options.bytes
      this.#letEnter()
    }
  }

  #acquire({ bytes, signal, priority = 'interactive' }: PermitOptions): Promise<void> {
    signal?.throwIfAborted()
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
    for (let line = this.#nextLine(); this.#running < this.#budget.count; line = this.#nextLine()) {
      const [next] = line
      if (next === undefined || this.#bytes + next.bytes > this.#budget.maxBytes) return
      line.delete(next)
      this.#running += 1
      this.#bytes += next.bytes
      const { interactive, bulk } = this.#waiting
      this.#passedOver = line === interactive && bulk.size > 0 ? this.#passedOver + 1 : 0
      next.enter()
    }
  }

  #nextLine(): Set<Waiting> {
    const { interactive, bulk } = this.#waiting
    return interactive.size === 0 || (bulk.size > 0 && this.#passedOver >= passedOverMax) ? bulk : interactive
  }
}
