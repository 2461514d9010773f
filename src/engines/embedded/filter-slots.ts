/**
 * The slots that a filter allows, cached, so that repeated searches with the same filter skip the scan: only pictures
 * that were added, changed or removed since the last one are looked at again.
 */
import { hash } from 'node:crypto'
import type { Filter } from '../../gallery/filter.js'
import { fittingSlots } from './fitting-slots.js'
import { GrowingSlots } from './growing-slots.js'
import type { GalleryStore } from './store/gallery-store.js'
import { listsIds } from './store/images/id-conditions.js'
import type { SlotsAmong } from './store/reading/reader-protocol.js'

/** Maximum number of cached filters per set. Beyond it, all of the set are dropped. */
const keptMax = 64
/** Maximum number of their slots over all sets (4 bytes each). Beyond it, the sets that were searched longest ago are dropped. */
const keptSlotsMax = 2 ** 25
/** Maximum number of changes to a set between two searches with a cached filter. Beyond it, all of the set are dropped. */
const changesMax = 2 ** 16

interface Kept {
  slots: Promise<GrowingSlots>
  /** Number of allowed slots, once it is known. */
  count: number
  /** Every slot below this one has been scanned. */
  nextSlot: number
  /** Number of changes to the set that it has taken account of. */
  changes: number
}

/** The filters of a set. */
interface KeptOfSet {
  entries: Map<string, Kept>
  /** Number of their slots. */
  count: number
  /** Slots of changed and removed pictures, in the order of the changes. */
  changed: number[]
}

export class FilterSlots {
  readonly #store: Pick<GalleryStore, 'scan'>
  readonly #slotsMax: number
  /** By set, in the order of their last searches. */
  readonly #kept = new Map<number, KeptOfSet>()
  /** Number of slots in all of them. */
  #count = 0

  /** @param slotsMax for tests; default 33,554,432, which is 128 MiB */
  constructor(store: Pick<GalleryStore, 'scan'>, slotsMax = keptSlotsMax) {
    this.#store = store
    this.#slotsMax = slotsMax
  }

  /**
   * Ascending; may include pictures removed in the meantime.
   * @param set its current state
   * @param keep false for a filter made for one search, which would only evict others
   */
  async slots(set: { number: number; next_slot: number }, filter: Filter, keep: boolean): Promise<Uint32Array> {
    const { number, next_slot: to } = set
    // looking up ids reads no other record, and such a list seldom comes twice
    if (!keep || listsIds(filter)) return this.#scan(number, filter, { from: 0, to })
    const key = keyOf(filter)
    const kept = this.#keptOf(number, key)
    let entry = kept.entries.get(key)
    if (entry === undefined) {
      const all = this.#scan(number, filter, { from: 0, to })
      entry = { slots: all.then(GrowingSlots.of), count: 0, nextSlot: to, changes: kept.changed.length }
      kept.entries.set(key, entry)
    } else this.#update(entry, kept.changed, { number, filter, to })
    const isKept = () => this.#kept.get(number) === kept && kept.entries.get(key) === entry
    try {
      const { slots } = await entry.slots
      if (isKept()) this.#counted(kept, entry, slots.length)
      return slots
    } catch (error) {
      if (isKept()) {
        this.#counted(kept, entry, 0)
        kept.entries.delete(key)
      }
      throw error
    }
  }

  /** Call it after records have been changed or removed, before that is acknowledged. */
  note(set: number, slots: Iterable<number>): void {
    const kept = this.#kept.get(set)
    if (kept === undefined) return
    for (const slot of slots) kept.changed.push(slot)
    if (kept.changed.length > changesMax) this.forget(set)
  }

  forget(set: number): void {
    this.#count -= this.#kept.get(set)?.count ?? 0
    this.#kept.delete(set)
  }

  /** With room for one more filter. */
  #keptOf(set: number, key: string): KeptOfSet {
    const found = this.#kept.get(set)
    const hasRoom = found !== undefined && (found.entries.has(key) || found.entries.size < keptMax)
    if (!hasRoom) this.forget(set)
    const kept = hasRoom ? found : { entries: new Map<string, Kept>(), count: 0, changed: [] }
    this.#kept.delete(set) // to the end
    this.#kept.set(set, kept)
    return kept
  }

  #counted(kept: KeptOfSet, entry: Kept, count: number): void {
    kept.count += count - entry.count
    this.#count += count - entry.count
    entry.count = count
    for (const oldest of this.#kept.keys()) {
      if (this.#count <= this.#slotsMax) break
      this.forget(oldest)
    }
  }

  #update(
    entry: Kept,
    changed: readonly number[],
    { number, filter, to }: { number: number; filter: Filter; to: number },
  ): void {
    const { nextSlot: from } = entry
    const again = [...new Set(changed.slice(entry.changes))].filter((slot) => slot < from).sort((a, b) => a - b)
    if (again.length > 0) {
      const fitting = this.#scan(number, filter, { listed: again })
      entry.slots = Promise.all([entry.slots, fitting]).then(([slots, found]) => slots.with(again, found))
    }
    if (from < to) {
      const more = this.#scan(number, filter, { from, to })
      entry.slots = Promise.all([entry.slots, more]).then(([slots, found]) => slots.append(found))
    }
    Object.assign(entry, { nextSlot: Math.max(from, to), changes: changed.length })
  }

  #scan(gallery: number, filter: Filter, among: SlotsAmong): Promise<Uint32Array> {
    return fittingSlots(this.#store, { gallery, filter, among })
  }
}

/** The text of a filter may take megabytes, which nobody counts. */
function keyOf(filter: Filter): string {
  return hash('sha256', JSON.stringify(filter), 'base64')
}
