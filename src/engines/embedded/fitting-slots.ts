/**
 * The slots whose pictures fit a filter. The reader thread answers one call after the other, and reading metadata takes
 * a millisecond per picture for the largest filters: it is read in slices, so that calls of others come in between.
 */
import type { Filter } from '../../gallery/filter.js'
import type { GalleryStore } from './store/gallery-store.js'
import { listsIds } from './store/images/id-conditions.js'
import type { SlotsAmong } from './store/reading/reader-protocol.js'

/** Conditions on metadata times pictures per call: some 50 ms. */
const checksMax = 5_000

export interface FittingSlots {
  /** The gallery's number. */
  gallery: number
  filter: Filter
  among: SlotsAmong
}

/** Ascending. */
export async function fittingSlots(
  store: Pick<GalleryStore, 'scan'>,
  { gallery, filter, among }: FittingSlots,
): Promise<Uint32Array> {
  const scan = (part: Filter, within: SlotsAmong): Promise<Uint32Array> =>
    store.scan('slotsOfFilter', { gallery, filter: part, among: within })
  const checks = metadataConditions(filter)
  // of listed ids at most a thousand records are read
  if (checks * countOf(among) <= checksMax || listsIds(filter)) return scan(filter, among)
  // ids and labels have indexes, and comparing them takes no time
  const others = conjuncts(filter).filter((part) => metadataConditions(part) === 0)
  const narrowed = others.length === 0 ? among : { listed: [...(await scan({ and: others }, among))] }
  const found: Uint32Array[] = []
  // by the whole filter: a label may have changed by now
  for (const slice of slicesOf(narrowed, Math.ceil(checksMax / checks))) found.push(await scan(filter, slice))
  return concatenated(found)
}

function countOf(among: SlotsAmong): number {
  return 'listed' in among ? among.listed.length : among.to - among.from
}

/** Conditions that every match meets. */
function conjuncts(filter: Filter): Filter[] {
  return 'and' in filter ? filter.and.flatMap(conjuncts) : [filter]
}

function metadataConditions(filter: Filter): number {
  if ('field' in filter) return filter.field === 'id' || filter.field === 'label' ? 0 : 1
  const parts = 'and' in filter ? filter.and : 'or' in filter ? filter.or : [filter.not]
  return parts.reduce((sum, part) => sum + metadataConditions(part), 0)
}

function* slicesOf(among: SlotsAmong, size: number): Generator<SlotsAmong> {
  if ('listed' in among)
    for (let at = 0; at < among.listed.length; at += size) yield { listed: among.listed.slice(at, at + size) }
  else for (let { from } = among; from < among.to; from += size) yield { from, to: Math.min(from + size, among.to) }
}

function concatenated(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
