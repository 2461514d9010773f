/** Objects of a collection by their ids. */
import type { CollectionAccess } from './collection-access.js'
import { type Found, foundOf, type PropertyName } from './image-object.js'
import { ofThese } from './pushed-filter.js'
import type { Consistency } from './weaviate-settings.js'

const idsAtOnce = 500

export interface ReadOptions {
  properties: readonly PropertyName[]
  vectors?: boolean | undefined
  /** Default: as configured. With `one`, no other replicas are asked, so one that is cut off delays nothing. */
  consistency?: Consistency | undefined
}

/**
 * Those that exist, in no particular order. More than one replica is asked for each object by itself, and its newest copy is
 * returned whole; a filter, which finds many objects at once, is answered by one replica and may miss acknowledged writes.
 */
export async function readByIds(
  access: CollectionAccess,
  uuids: readonly string[],
  options: ReadOptions,
): Promise<Found[]> {
  const isByOne = await access.isByOne(options.consistency)
  const distinct = [...new Set(uuids)]
  const found: Found[] = []
  for (let begin = 0; begin < distinct.length; begin += idsAtOnce) {
    const part = distinct.slice(begin, begin + idsAtOnce)
    found.push(...(await (isByOne ? byFilter(access, part, options) : eachByItself(access, part, options))))
  }
  return found
}

async function byFilter(
  access: CollectionAccess,
  uuids: readonly string[],
  { properties, vectors = false }: ReadOptions,
): Promise<Found[]> {
  const { objects } = await access.query((collection) =>
    collection.withConsistency('ONE').query.fetchObjects({
      filters: ofThese(uuids),
      limit: uuids.length,
      includeVector: vectors,
      returnMetadata: ['updateTime'],
      returnProperties: [...properties],
    }),
  )
  return objects.map(foundOf)
}

async function eachByItself(
  access: CollectionAccess,
  uuids: readonly string[],
  options: ReadOptions,
): Promise<Found[]> {
  const read = await access.call((server) => server.read(access.name, uuids, options))
  return read.map(({ id, properties = {}, vectors, lastUpdateTimeUnix }) =>
    foundOf({ uuid: id, properties, vectors, metadata: { updateTime: new Date(lastUpdateTimeUnix) } }),
  )
}
