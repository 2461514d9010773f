/**
 * Objects in the order of a number, slice by slice, with everything that was acknowledged. A list is answered by one replica, which may have
 * missed changes. Therefore it is compared with what the other replicas have, and what differs is read by id.
 */
import type { ImageCollection, Query } from './image-collection.js'
import type { Found, PropertyName } from './image-object.js'
import { both, type Where } from './pushed-filter.js'

export type SlicedCollection = Pick<ImageCollection, 'isByOne' | 'sorted' | 'sortedFully' | 'anywhere' | 'ofIds'>

export interface SliceQuery extends Query {
  by: PropertyName
  /** Only greater numbers, … */
  above: number
  /** … up to this one; default: all of them. */
  end?: number | undefined
}

export interface Slice {
  /** In order; more than the limit if other replicas add some. */
  found: Found[]
  /** It contains everything up to this number, and nothing beyond; undefined: nothing follows. */
  upTo: number | undefined
  /** The number that follows, if more objects share it than the limit allows. */
  crowd?: number | undefined
}

/** Maximum objects of a slice, as a multiple of the limit. */
const foundMost = 4
/** Read to estimate how many objects there are up to which number. */
const sampleSize = 50

/** What does not meet the condition any more may be among what differs between replicas. */
export async function readSlice(collection: SlicedCollection, query: SliceQuery): Promise<Slice> {
  const { by, above, limit, properties, vectors } = query
  const wanted = { properties: [...new Set([...properties, by])], vectors }
  if (await collection.isByOne()) {
    const page = await collection.sortedFully(by, { ...wanted, where: whereIn(query), limit })
    const end = endOf(page, by, limit)
    return { ...end, found: page.filter((one) => numberOf(one, by) <= (end.upTo ?? Infinity)) }
  }
  // the server brings those replicas up to date that it compares, so that the next read does not see the same former version
  const compared = await collection.sorted(by, { where: whereIn(query), limit, properties: [by] })
  for (let end = endOf(compared, by, limit); ; ) {
    if (end.crowd !== undefined && end.upTo! <= above) return { ...end, found: [] }
    const range = { ...query, end: end.upTo ?? query.end }
    const within = compared.filter((one) => isIn(one, range))
    const [page, others] = await Promise.all([
      within.length === 0 ? [] : collection.sorted(by, { ...wanted, where: whereIn(range), limit, consistency: 'one' }),
      collection.anywhere(whereIn(range)),
    ])
    if (others.count <= limit * foundMost && others.count === others.uuids.length) {
      const doubtful = doubtfulOf({ compared: within, page, others: others.uuids })
      const read = doubtful.size === 0 ? [] : [...(await collection.ofIds([...doubtful], wanted)).values()]
      const sure = page.filter(({ uuid }) => !doubtful.has(uuid))
      const found = [...sure, ...read.filter((one) => isIn(one, range))]
      return { ...end, found: found.sort((a, b) => numberOf(a, by) - numberOf(b, by)) }
    }
    end = await nearerEnd(collection, range, others)
  }
}

/** The same by stamp. @param query.from none before it */
export async function* slicesByStamp(
  collection: SlicedCollection,
  { from = 0, upTo, ...query }: Query & { from?: number | undefined; upTo: number },
): AsyncGenerator<Found[]> {
  for (let [above, limit] = [from - 1, query.limit]; ; ) {
    const slice = await readSlice(collection, { ...query, by: 'stamp', above, end: upTo, limit })
    if (slice.found.length > 0) yield slice.found
    if (slice.upTo === undefined) return
    above = slice.upTo
    // as many processes may have stored pictures at the same time
    limit = slice.crowd === undefined ? query.limit : 2 * limit
  }
}

/** All objects, page by page, in no order; one that is replaced meanwhile may be found twice. */
export async function* wholePages(
  collection: SlicedCollection & Pick<ImageCollection, 'all'>,
  query: Omit<Query, 'where'>,
  upTo = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Found[]> {
  if (await collection.isByOne()) yield* collection.all(query)
  else yield* slicesByStamp(collection, { ...query, upTo })
}

type End = Pick<Slice, 'upTo' | 'crowd'>

/** More objects than are listed may have the last number. */
function endOf(page: readonly Found[], by: PropertyName, limit: number): End {
  if (page.length < limit) return { upTo: undefined }
  const last = numberOf(page.at(-1)!, by)
  const before = page.findLast((one) => numberOf(one, by) < last)
  return before === undefined ? { upTo: last - 1, crowd: last } : { upTo: numberOf(before, by) }
}

interface Listed {
  /** As the replicas agreed, after the server brought those up to date that it compared. */
  compared: readonly Found[]
  /** From one replica, later. */
  page: readonly Found[]
  /** Uuids of what several replicas have. */
  others: readonly string[]
}

/** Those that are not known to be the same on all replicas that must answer. */
function doubtfulOf({ compared, page, others }: Listed): Set<string> {
  const agreed = new Map(compared.map(({ uuid, isConsistent, updateTime }) => [uuid, isConsistent && updateTime]))
  const doubtful = new Set([...agreed.keys(), ...page.map(({ uuid }) => uuid), ...others])
  for (const { uuid, updateTime } of page)
    if (updateTime !== undefined && agreed.get(uuid) === updateTime) doubtful.delete(uuid)
  return doubtful
}

/** Up to which there are about as many as a slice may have. @param others too many */
async function nearerEnd(
  collection: SlicedCollection,
  range: SliceQuery,
  { uuids, count }: { uuids: readonly string[]; count: number },
): Promise<End> {
  const { by, above, end = Number.MAX_SAFE_INTEGER, limit } = range
  // uuids are hashes: the first ones are a sample
  const sample = await collection.ofIds(uuids.slice(0, sampleSize), { properties: [by] })
  const numbers = [...sample.values()].filter((one) => isIn(one, range)).map((one) => numberOf(one, by))
  // the others are gone
  if (numbers.length === 0) return { upTo: above + Math.ceil((end - above) / 2) }
  const before = numbers.filter((number) => number < end).sort((a, b) => a - b)
  if (before.length === 0) return { upTo: end - 1, crowd: end }
  return { upTo: before[Math.min(before.length - 1, Math.floor((numbers.length * limit) / count))] }
}

function whereIn({ where, by, above, end }: SliceQuery): Where {
  const beyond: Where = { operator: 'GreaterThan', target: { property: by }, value: above }
  const upTo: Where | undefined =
    end === undefined ? undefined : { operator: 'LessThanEqual', target: { property: by }, value: end }
  return both(both(where, beyond), upTo)!
}

function isIn(one: Found, { by, above, end = Infinity }: SliceQuery): boolean {
  return numberOf(one, by) > above && numberOf(one, by) <= end
}

const numberOf = ({ properties }: Found, by: PropertyName) => properties[by] as number
