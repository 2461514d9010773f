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
   * Default: as configured. With `one`, an index of one replica finds them, and only it: a replica that is cut off delays nothing, and what the
   * replica or its index lacks is missing.
   */
  consistency?: Consistency | undefined
}

/**
 * Those that exist, in no particular order. A filter finds many objects at once, by the index of one replica: it misses what the replica has
 * missed, and what a node stored whose process was killed before it wrote the index (`index-repair.ts`). So with several replicas each object
 * is read by itself from the stores of as many as the level says; with one, those that the filter has not found.
 */
export async function readByIds(
  access: CollectionAccess,
  uuids: readonly string[],
  options: ReadOptions,
): Promise<Found[]> {
  const isFiltered = options.consistency === 'one' || (await access.isByOne())
  const distinct = [...new Set(uuids)]
  const found: Found[] = []
  for (let begin = 0; begin < distinct.length; begin += idsAtOnce) {
    const part = distinct.slice(begin, begin + idsAtOnce)
    const filtered = isFiltered ? await byFilter(access, part, options) : []
    found.push(...filtered)
    if (options.consistency === 'one') continue
    const seen = new Set(filtered.map(({ uuid }) => uuid))
    const unseen = part.filter((uuid) => !seen.has(uuid))
    if (unseen.length > 0) found.push(...(await eachByItself(access, unseen, options)))
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
