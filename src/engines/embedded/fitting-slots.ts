/**
 * The slots whose pictures fit a filter. The reader thread answers one call after the other, and reading metadata takes
 * a millisecond per picture for the largest filters: it is read in slices, so that calls of others come in between.
 */
import { conjuncts, type Filter } from '../../gallery/filter.js'
import { asksMetadata, metadataConditions } from '../../gallery/fits.js'
import { GrowingSlots } from './growing-slots.js'
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
  const others = conjuncts(filter).filter((part) => !asksMetadata(part))
  const narrowed = others.length === 0 ? among : { listed: [...(await scan({ and: others }, among))] }
  const found = GrowingSlots.of(new Uint32Array())
  // by the whole filter: a label may have changed by now
  for (const slice of slicesOf(narrowed, Math.ceil(checksMax / checks))) found.append(await scan(filter, slice))
  return found.slots
}

function countOf(among: SlotsAmong): number {
  return 'listed' in among ? among.listed.length : among.to - among.from
}

function* slicesOf(among: SlotsAmong, size: number): Generator<SlotsAmong> {
  if ('listed' in among)
    for (let at = 0; at < among.listed.length; at += size) yield { listed: among.listed.slice(at, at + size) }
  else for (let { from } = among; from < among.to; from += size) yield { from, to: Math.min(from + size, among.to) }
}
