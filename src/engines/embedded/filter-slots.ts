/**
 * The slots that a filter allows, cached until records change, so that repeated searches with the same filter skip the
 * scan. Additions change no record and slots only grow, so slots added since the last scan are read and appended.
 */
import { hash } from 'node:crypto'
import type { Filter } from '../../gallery/filter.js'
import type { GalleryStore } from './store/gallery-store.js'
import { listsIds } from './store/id-conditions.js'

/**
 * Maximum number of cached filters per set, and of their slots in total (4 bytes each). Beyond either, the whole cache
 * is dropped.
 */
const keptMax = 64
const keptSlotsMax = 2 ** 25

interface Kept {
  slots: Promise<GrowingSlots>
  /** Number of allowed slots, once it is known. */
  count: number
  /** Every slot below this one has been scanned. */
  nextSlot: number
}

export class FilterSlots {
  readonly #store: Pick<GalleryStore, 'scan'>
  readonly #kept = new Map<number, Map<string, Kept>>()

  constructor(store: Pick<GalleryStore, 'scan'>) {
    this.#store = store
  }

  /**
   * Ascending; may include pictures removed in the meantime.
   * @param set its current state
   * @param keep false for a filter made for one search, which would only evict others
   */
  async slots(set: { number: number; next_slot: number }, filter: Filter, keep: boolean): Promise<Uint32Array> {
    const { number, next_slot: nextSlot } = set
    // looking up ids reads no other record, and such a list seldom comes twice
    if (!keep || listsIds(filter)) return this.#scan(number, filter, 0, nextSlot)
    const key = keyOf(filter)
    let kept = this.#kept.get(number)
    let entry = kept?.get(key)
    if (kept === undefined || (entry === undefined && kept.size >= keptMax)) this.#kept.set(number, (kept = new Map()))
    if (entry === undefined) {
      entry = {
        slots: this.#scan(number, filter, 0, nextSlot).then((found) => new GrowingSlots(found)),
        count: 0,
        nextSlot,
      }
      kept.set(key, entry)
    } else if (entry.nextSlot < nextSlot) {
      const more = this.#scan(number, filter, entry.nextSlot, nextSlot)
      entry.slots = Promise.all([entry.slots, more]).then(([slots, found]) => slots.append(found))
      entry.nextSlot = nextSlot
    }
    const lookedAt = kept
    entry.slots.catch(() => lookedAt.delete(key))
    const { slots } = await entry.slots
    entry.count = slots.length
    if (this.#kept.get(number) === kept && countOf(kept) > keptSlotsMax) this.forget(number)
    return slots
  }

  /** Call it after records have been changed or removed, before that is acknowledged. */
  forget(gallery: number): void {
    this.#kept.delete(gallery)
  }

  #scan(gallery: number, filter: Filter, fromSlot: number, toSlot: number): Promise<Uint32Array> {
    return this.#store.scan('slotsOfFilter', { gallery, filter, fromSlot, toSlot })
  }
}

/** The text of a filter may take megabytes, which nobody counts. */
function keyOf(filter: Filter): string {
  return hash('sha256', JSON.stringify(filter), 'base64')
}

function countOf(kept: ReadonlyMap<string, Kept>): number {
  let count = 0
  for (const entry of kept.values()) count += entry.count
  return count
}

/** In shared memory, so that sending the slots to the index with each search copies nothing. */
class GrowingSlots {
  #memory: Uint32Array
  #count: number

  constructor(slots: Uint32Array) {
    this.#memory = sharedMemory(slots.length)
    this.#memory.set(slots)
    this.#count = slots.length
  }

  get slots(): Uint32Array {
    return this.#memory.subarray(0, this.#count)
  }

  /** @param more all above the existing ones. Holders of the earlier slots keep seeing only those. */
  append(more: Uint32Array): this {
    const count = this.#count + more.length
    if (count > this.#memory.length) {
      const grown = sharedMemory(Math.ceil(count * 1.25))
      grown.set(this.slots)
      this.#memory = grown
    }
    this.#memory.set(more, this.#count)
    this.#count = count
    return this
  }
}

function sharedMemory(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT))
}
