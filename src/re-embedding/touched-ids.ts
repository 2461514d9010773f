/** Ids that were changed while two sets are compared: what is taken from them to be brought over is remembered, to be compared again. */
import type { Changes, TakenChanges } from '../gallery/changes.js'

export class TouchedIds implements Pick<Changes, 'take' | 'note' | 'isEmpty'> {
  readonly #changed: Changes
  #touched = new Set<string>()
  #isAll = false

  constructor(changed: Changes) {
    this.#changed = changed
  }

  /** Nothing is waiting to be brought over. */
  isEmpty(): boolean | Promise<boolean> {
    return this.#changed.isEmpty()
  }

  note(ids: readonly string[] | 'all'): void | Promise<void> {
    return this.#changed.note(ids)
  }

  async take(limit: number): Promise<TakenChanges> {
    const taken = await this.#changed.take(limit)
    if (taken.ids === 'all') this.#isAll = true
    else for (const id of taken.ids) this.#touched.add(id)
    return taken
  }

  /** What was taken since the last time; `all`: which ones is not known. */
  touched(): ReadonlySet<string> | 'all' {
    const touched = this.#isAll ? 'all' : this.#touched
    this.#touched = new Set()
    this.#isAll = false
    return touched
  }
}
