/**
 * How many pictures are decoded at once. The native library would start as many as libuv has
 * threads, first come first served; permits keep that to the cores and let searches go first.
 */

export interface PermitOptions {
  /** The caller has left: the permit is not waited for any longer. */
  signal?: AbortSignal
  priority?: 'interactive' | 'bulk'
}

export class DecodePermits {
  #free: number
  readonly #waiting: Record<'interactive' | 'bulk', Set<() => void>> = { interactive: new Set(), bulk: new Set() }

  /** @param count ≥ 1 */
  constructor(count: number) {
    this.#free = count
  }

  /** Pictures waiting. The callers bound it: admitted requests and the window of a job. */
  get depth(): number {
    return this.#waiting.interactive.size + this.#waiting.bulk.size
  }

  /** Runs `decode` under a permit. @throws what it throws; the signal's reason when aborted while waiting */
  async run<Result>(decode: () => Promise<Result>, options: PermitOptions = {}): Promise<Result> {
    await this.#acquire(options)
    try {
      return await decode()
    } finally {
      this.#release()
    }
  }

  #acquire({ signal, priority = 'interactive' }: PermitOptions): Promise<void> | undefined {
    signal?.throwIfAborted()
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    const line = this.#waiting[priority]
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.delete(enter)
        reject(signal?.reason)
      }
      const enter = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      signal?.addEventListener('abort', leave, { once: true })
      line.add(enter)
    })
  }

  /** The permit goes straight to who waits; it becomes free only when nobody does. */
  #release(): void {
    for (const line of [this.#waiting.interactive, this.#waiting.bulk]) {
      for (const enter of line) {
        line.delete(enter)
        return enter()
      }
    }
    this.#free += 1
  }
}
