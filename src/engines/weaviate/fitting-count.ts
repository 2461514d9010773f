/**
 * How many pictures of a set match a filter. Those that the server finds are compared one by one: its tokens find others
 * as well.
 */
import type { Filter } from '../../gallery/filter.js'
import { fits } from '../../gallery/fits.js'
import { filteredOf, filteredProperties } from './image-object.js'
import { pushed } from './pushed-filter.js'
import { type SlicedCollection, slicesByStamp } from './whole-slices.js'

/** Pictures read at a time. */
const readAtOnce = 1_000

/** @throws the signal's reason */
export async function fittingCount(
  collection: SlicedCollection,
  filter: Filter,
  signal: AbortSignal | undefined,
): Promise<number> {
  const query = {
    where: pushed(filter).where,
    upTo: Number.MAX_SAFE_INTEGER,
    limit: readAtOnce,
    properties: filteredProperties(filter),
  }
  let count = 0
  for await (const slice of slicesByStamp(collection, query)) {
    signal?.throwIfAborted()
    count += slice.filter((one) => fits(filteredOf(one), filter)).length
  }
  return count
}
