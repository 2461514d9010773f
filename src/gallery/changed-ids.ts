/**
 * Pictures changed in a gallery's serving set that must be applied to its other set. Kept in memory: after a restart,
 * and when there are too many, the two sets are compared as a whole instead.
 */
import { type Changes, type ChangesReading, inBothForms, type TakenChanges } from './changes.js'

export class ChangedIds implements Changes {
  readonly #max: number
  /** When each was first recorded. */
  readonly #ids = new Map<string, number>()
  /** Since when the whole sets have to be compared. */
  #allSince: number | undefined
  #wake: (() => void) | undefined

  /** @param max ids that are remembered individually */
  constructor(max: number) {
    this.#max = max
  }

  isEmpty(): boolean {
    return this.#allSince === undefined && this.#ids.size === 0
  }

  reading(): ChangesReading {
    if (this.#allSince !== undefined) return { count: 1, since: this.#allSince }
    let since: number | undefined
    for (const at of this.#ids.values()) if (since === undefined || at < since) since = at
    return { count: this.#ids.size, since }
  }

  note(ids: readonly string[] | 'all'): void {
    this.#note(ids === 'all' ? ids : inBothForms(ids), () => Date.now())
  }

  take(limit: number): TakenChanges {
    const done = () => {}
    if (this.#allSince !== undefined) {
      const since = this.#allSince
      this.#allSince = undefined
      return { ids: 'all', done, undo: () => this.#note('all', () => since) }
    }
    const taken = new Map<string, number>()
    for (const [id, at] of this.#ids) {
      if (taken.size === limit) break
      taken.set(id, at)
      this.#ids.delete(id)
    }
    const ids = [...taken.keys()]
    return { ids, done, undo: () => this.#note(ids, (id) => taken.get(id)!) }
  }

  async waiting(signal: AbortSignal): Promise<void> {
    if (!this.isEmpty() || signal.aborted) return
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

  #note(ids: readonly string[] | 'all', at: (id: string) => number): void {
    if (ids === 'all') this.#compareAll(at('all'))
    else if (this.#allSince === undefined)
      for (const id of ids) this.#ids.set(id, Math.min(at(id), this.#ids.get(id) ?? Infinity))
    if (this.#ids.size > this.#max) this.#compareAll(Date.now())
    if (!this.isEmpty()) this.#wake?.()
  }

  #compareAll(at: number): void {
    this.#allSince = Math.min(at, this.reading().since ?? at)
    this.#ids.clear()
  }
}
