/** Ids that were changed while two sets are compared: what is taken from them to be brought over is remembered, to be compared again. */
import type { ChangedIds } from '../gallery/changed-ids.js'

export class TouchedIds {
  readonly #changed: ChangedIds
  #touched = new Set<string>()
  #isAll = false

  constructor(changed: ChangedIds) {
    this.#changed = changed
  }

  /** Nothing is waiting to be brought over. */
  get isEmpty(): boolean {
    return this.#changed.isEmpty
  }

  note(ids: readonly string[] | 'all'): void {
    this.#changed.note(ids)
  }

  take(limit: number): readonly string[] | 'all' {
    const taken = this.#changed.take(limit)
    if (taken === 'all') this.#isAll = true
    else for (const id of taken) this.#touched.add(id)
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
