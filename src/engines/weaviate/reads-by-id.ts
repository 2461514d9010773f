/** Objects of a collection by their ids. */
import type { CollectionAccess } from './collection-access.js'
import { type Found, foundOf, type PropertyName } from './image-object.js'
import { ofThese } from './pushed-filter.js'
import type { Consistency } from './weaviate-settings.js'

const idsAtOnce = 500

export interface ReadOptions {
  properties: readonly PropertyName[]
  vectors?: boolean | undefined
  /**
   * Default: as configured. With `one`, an index of one replica finds them: that is faster for many, a replica that is cut off delays nothing,
   * and what the replica or its index lacks is missing.
   */
  consistency?: Consistency | undefined
}

/**
 * Those that exist, in no particular order. Each is read by itself from the stores of as many replicas as the level says. A filter would find
 * many objects at once, by the index of one replica: that misses what the replica has missed, and what a node stored whose process was killed
 * before it wrote the index (`index-repair.ts`).
 */
export async function readByIds(
  access: CollectionAccess,
  uuids: readonly string[],
  options: ReadOptions,
): Promise<Found[]> {
  const read = options.consistency === 'one' ? byFilter : eachByItself
  const distinct = [...new Set(uuids)]
  const found: Found[] = []
  for (let begin = 0; begin < distinct.length; begin += idsAtOnce) {
    const part = distinct.slice(begin, begin + idsAtOnce)
    found.push(...(await read(access, part, options)))
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
  await access.expectReadable()
  const read = await access.call((server) => server.read(access.name, uuids, options))
  return read.map(({ id, properties = {}, vectors, lastUpdateTimeUnix }) =>
    foundOf({ uuid: id, properties, vectors, metadata: { updateTime: new Date(lastUpdateTimeUnix) } }),
  )
}
