/** Which slots a list of hits is chosen from: a set as of one moment, and the slots that its query allows. */
import type { CopiesWanted, NearestQuery } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import type { SetParts } from './set-changes.js'
import type { SlotHit } from './slot-hit.js'
import type { VectorIndex } from './vector-index/vector-index.js'

/** What is searched, as of the arrival of the query. */
export interface SearchedSlots {
  index: Pick<VectorIndex, 'search'>
  /** Number of live pictures. */
  count: number
  /** The slot of the next picture to be added. */
  nextSlot: number
  /** Matching slots, ascending; `keep` them when the same filter is likely to be used again. */
  slotsOf(filter: Filter, keep: boolean): Promise<Uint32Array>
  /** Slots of near-copies, ascending. */
  copiesOf(wanted: CopiesWanted): Promise<Uint32Array>
  /** Keyed by slot; removed pictures are missing. */
  recordsOf(slots: readonly number[]): ReadonlyMap<number, SlotHit>
  /** Whether pictures have been removed or replaced since. */
  hasRetired(): boolean
  /** The same set as it is now. */
  later(): Promise<SearchedSlots>
}

export interface SearchedSet {
  number: number
  index: SearchedSlots['index']
  /** The field whose values each hit carries. */
  groupBy: string | undefined
  /** Resolves when every picture below this slot is in the index. */
  indexed(nextSlot: number): Promise<void>
}

export async function searchedSlots(
  { store, filters }: Pick<SetParts, 'store' | 'filters'>,
  set: SearchedSet,
): Promise<SearchedSlots> {
  const { number, index, groupBy, indexed } = set
  const rowNow = () => store.read(({ sets }) => sets.get(number))
  const row = rowNow()
  await indexed(row.next_slot)
  return {
    index,
    count: row.count,
    nextSlot: row.next_slot,
    slotsOf: (filter, keep) => filters.slots(row, filter, keep),
    copiesOf: ({ descriptors: query, ...wanted }) => store.copies.ask('find', { gallery: number, query, ...wanted }),
    recordsOf: (slots) => store.read(({ images }) => images.hits(number, slots, groupBy)),
    hasRetired: () => retiredOf(rowNow()) !== retiredOf(row),
    later: () => searchedSlots({ store, filters }, set),
  }
}

/** Slots that are no longer in use. */
function retiredOf({ next_slot, count }: { next_slot: number; count: number }): number {
  return next_slot - count
}

export interface Scope {
  searched: SearchedSlots
  /** Candidate slots, ascending; undefined: all. */
  allow: Uint32Array | undefined
  /** The same scope later; undefined if it stays as it is. */
  later?: (() => Promise<Scope>) | undefined
}

export async function scopeOf(searched: SearchedSlots, query: NearestQuery): Promise<Scope> {
  const { filter, copiesOf } = query
  const fitting = filter && (await searched.slotsOf(filter, true))
  if (copiesOf !== undefined) {
    // only once, because all descriptors are compared
    const copies = await searched.copiesOf(copiesOf)
    return { searched, allow: fitting === undefined ? copies : inBoth(copies, fitting) }
  }
  return { searched, allow: fitting, later: async () => scopeOf(await searched.later(), query) }
}

/** The filter belongs to this query alone, so its slots are not cached. */
export async function narrowed(scope: Scope, query: NearestQuery, filter: Filter): Promise<Scope> {
  const { searched, allow, later } = scope
  const { filter: former, copiesOf } = query
  const slots = await searched.slotsOf(former === undefined ? filter : { and: [former, filter] }, false)
  return {
    searched,
    allow: copiesOf === undefined || allow === undefined ? slots : inBoth(allow, slots),
    // one that is kept shows nothing newer than the list that it narrows
    later: query.kept ? undefined : later && (async () => narrowed(await later(), query, filter)),
  }
}

/** The intersection of two ascending lists. */
function inBoth(some: Uint32Array, others: Uint32Array): Uint32Array {
  let at = 0
  return some.filter((slot) => {
    while (at < others.length && others[at]! < slot) at++
    return others[at] === slot
  })
}
