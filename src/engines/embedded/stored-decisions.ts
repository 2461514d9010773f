/** Decisions about a set's findings: what they change is written with them, and brought into the index. */
import type { NewDecision, SetDecisions, StoredDecision } from '../../gallery/decisions.js'
import type { BoundedWrites } from './bounded-writes.js'
import type { GalleryStore } from './store/gallery-store.js'

export interface StoredDecisionsOptions {
  /** Of the gallery. */
  number: number
  store: GalleryStore
  writes: BoundedWrites
  /** Decisions that the gallery may hold. */
  max: number
  /** The time, ISO 8601. */
  now(): string
  /** After the commit. @param retired slots of images that are gone */
  onChange(retired: Uint32Array): Promise<void>
}

export class StoredDecisions implements SetDecisions {
  readonly #options: StoredDecisionsOptions

  constructor(options: StoredDecisionsOptions) {
    this.#options = options
  }

  decide(decision: NewDecision): Promise<StoredDecision> {
    const { number: gallery, store, writes, max, now, onChange } = this.#options
    return writes.run(async () => {
      const { record, removedSlots } = await store.write('decide', { gallery, decision, max, at: now() })
      if (record.changed > 0) await onChange(Uint32Array.from(removedSlots))
      return record
    })
  }

  async page(after: number, limit: number): Promise<StoredDecision[]> {
    const { number, store } = this.#options
    return store.read(({ decisions }) => decisions.page(number, after, limit))
  }

  takeBack(number: number): Promise<void> {
    const { number: gallery, store, writes, now, onChange } = this.#options
    return writes.run(async () => {
      await store.write('takeBackDecision', { gallery, number, at: now() })
      await onChange(new Uint32Array(0))
    })
  }
}
