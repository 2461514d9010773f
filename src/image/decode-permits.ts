/**
 * How many pictures are decoded at once, and how much memory that may take. The native library would start as many as
 * libuv has threads, first come first served, whatever each of them needs; permits keep that to the cores and to a
 * budget of bytes, and let searches go first.
 */
import { AlikeError } from '../errors.js'

export interface DecodeBudget {
  /** Pictures decoded at once, ≥ 1. */
  count: number
  /** What the pictures that are being decoded may take together. */
  maxBytes: number
}

export interface PermitOptions {
  /** What the decode takes at its peak (`decode-memory.ts`). */
  bytes: number
  /** The caller has left: the permit is not waited for any longer. */
  signal?: AbortSignal | undefined
  priority?: 'interactive' | 'bulk' | undefined
}

interface Waiting {
  bytes: number
  enter(): void
}

/** While a bulk picture waits for memory or a decoder, so many searches go before it; then it is next. */
const passedOverMax = 16

export class DecodePermits {
  readonly #budget: DecodeBudget
  #running = 0
  #bytes = 0
  readonly #waiting: Record<'interactive' | 'bulk', Set<Waiting>> = { interactive: new Set(), bulk: new Set() }
  /** Searches that went before the bulk picture that has waited longest. */
  #passedOver = 0

  constructor(budget: DecodeBudget) {
    this.#budget = budget
  }

  /** Pictures waiting. The callers bound it: admitted requests and the window of a job. */
  get depth(): number {
    return this.#waiting.interactive.size + this.#waiting.bulk.size
  }

  /** What the pictures that are being decoded take at most. */
  get bytesInUse(): number {
    return this.#bytes
  }

  /**
   * Runs `decode` under a permit.
   * @throws AlikeError `image_too_much_memory` when it could never have one; what `decode` throws; the signal's reason
   * when aborted while waiting
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
        this.#letEnter() // who waits behind it may be smaller
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

  /** Nobody passes who is next: else a large picture would never find its memory free. */
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
