/**
 * The slots that a filter allows, kept until the gallery changes: most searches with the same
 * filter find them ready, and none waits for more than one read.
 */
import type { Filter } from './filter.js'
import type { GalleryStore } from './gallery-store.js'

/** Filters kept for one gallery; they are forgotten together when there are more. */
const keptMax = 64

export class FilterSlots {
  readonly #store: GalleryStore
  readonly #kept = new Map<number, Map<string, Promise<Uint32Array>>>()

  constructor(store: GalleryStore) {
    this.#store = store
  }

  /** Ascending. @param keep for other searches with the same filter; a filter made for one search would only push those out */
  slots(gallery: number, filter: Filter, keep: boolean): Promise<Uint32Array> {
    if (!keep) return this.#store.scan('slotsOfFilter', { gallery, filter })
    let kept = this.#kept.get(gallery)
    if (kept === undefined || kept.size >= keptMax) this.#kept.set(gallery, (kept = new Map()))
    const key = JSON.stringify(filter)
    let slots = kept.get(key)
    if (slots === undefined) {
      slots = this.#store.scan('slotsOfFilter', { gallery, filter }).then(shared)
      kept.set(key, slots)
      slots.catch(() => kept.delete(key))
    }
    return slots
  }

  /** After a change was committed and before it is acknowledged. */
  forget(gallery: number): void {
    this.#kept.delete(gallery)
  }
}

/** In memory that all threads see: sent to the index with each search, millions of slots are not copied. */
function shared(slots: Uint32Array): Uint32Array {
  const kept = new Uint32Array(new SharedArrayBuffer(slots.byteLength))
  kept.set(slots)
  return kept
}
