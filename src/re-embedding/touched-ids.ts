/** Ids changed while two sets are compared: remembers those applied to the copy, so that they are compared again. */
import type { Changes, TakenChanges } from '../gallery/changes.js'

export class TouchedIds implements Pick<Changes, 'take' | 'note' | 'isEmpty'> {
  readonly #changed: Changes
  #touched = new Set<string>()
  #isAll = false

  constructor(changed: Changes) {
    this.#changed = changed
  }

  /** No change is waiting to be applied. */
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

  /** Those applied since the last call; `all`: unknown which. */
  touched(): ReadonlySet<string> | 'all' {
    const touched = this.#isAll ? 'all' : this.#touched
    this.#touched = new Set()
    this.#isAll = false
    return touched
  }
}
