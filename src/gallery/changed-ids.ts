/**
 * Pictures that were changed in the set that serves a gallery, and are to be brought to its other one. Kept in memory: after a
 * restart, and when there are too many of them, the two sets are compared as a whole instead.
 */
export class ChangedIds {
  readonly #max: number
  readonly #ids = new Set<string>()
  #isAll = false
  #wake: (() => void) | undefined

  /** @param max ids that are remembered one by one */
  constructor(max: number) {
    this.#max = max
  }

  /** Ids that wait; all that are not known one by one count as none. */
  get count(): number {
    return this.#ids.size
  }

  /** Nothing is waiting. */
  get isEmpty(): boolean {
    return !this.#isAll && this.#ids.size === 0
  }

  /** @param ids `all`: which ones is not known */
  note(ids: readonly string[] | 'all'): void {
    if (ids === 'all') this.#isAll = true
    else if (!this.#isAll) for (const id of ids) this.#ids.add(id)
    if (this.#ids.size > this.#max) this.#isAll = true
    if (this.#isAll) this.#ids.clear()
    if (!this.isEmpty) this.#wake?.()
  }

  /** Up to `limit` of them, which are not waiting any more; or that all of them are to be compared. */
  take(limit: number): readonly string[] | 'all' {
    if (this.#isAll) {
      this.#isAll = false
      return 'all'
    }
    const taken: string[] = []
    for (const id of this.#ids) {
      if (taken.length === limit) break
      taken.push(id)
      this.#ids.delete(id)
    }
    return taken
  }

  /** Resolves when something waits, or at the signal. */
  async waiting(signal: AbortSignal): Promise<void> {
    if (!this.isEmpty || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
