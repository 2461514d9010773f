/** The pictures of one set in its collection: reads, in this engine's terms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../../errors.js'
import { CollectionAccess, type CollectionOptions, levelOf, type Opened } from './collection-access.js'
import { CollectionWrites } from './collection-writes.js'
import { everyToken } from './filter-tokens.js'
import { type Found, foundOf, type PropertyName } from './image-object.js'
import { anyToken, restOf, type Where } from './pushed-filter.js'
import { type ReadOptions, readByIds } from './reads-by-id.js'
import type { Anywhere, WeaviateServer } from './weaviate-server.js'

/** Maximum objects per response with the server's default configuration. */
export const answerMax = 10_000

/** Timeout of a count over all replicas, and how long it is not retried after a timeout. */
const allCountMs = 2_000
const heldUpForMs = 10_000

export interface Query extends Omit<ReadOptions, 'consistency'> {
  where?: Where | undefined
  limit: number
}

export class ImageCollection {
  readonly access: CollectionAccess
  readonly writes: CollectionWrites
  /** Before this time not all replicas are asked for a count, because one is considered unavailable. */
  #allCountFrom = 0

  constructor(server: WeaviateServer, name: string, options: CollectionOptions) {
    this.access = new CollectionAccess(server, name, options)
    this.writes = new CollectionWrites(this.access)
  }

  /**
   * A count without a condition has a constant cost, but the server asks every replica for it, and a replica of a dead
   * node delays it for up to a minute (1.39.0). A count with a condition that every object meets is answered by one
   * replica, at a cost per picture.
   */
  async count(where?: Where): Promise<number> {
    if (where !== undefined) return this.#countOf(where)
    if (performance.now() >= this.#allCountFrom) {
      const counted = await this.access.query((collection) => unlessHeldUp(collection.aggregate.overAll()))
      if (counted !== undefined) return counted.totalCount
      this.#allCountFrom = performance.now() + heldUpForMs
    }
    return this.#countOf(anyToken([everyToken]))
  }

  async #countOf(where: Where): Promise<number> {
    const { totalCount } = await this.access.query((collection) => collection.aggregate.overAll({ filters: where }))
    return totalCount
  }

  /**
   * The nearest to a vector, nearest first. One replica answers whatever the consistency: others would only be asked
   * whether their copies match, and an unreachable one would delay the search.
   */
  async near(
    vector: Float32Array,
    { where, limit, properties, vectors = true }: Query,
    signal?: AbortSignal,
  ): Promise<Found[]> {
    const { objects } = await this.access.query(
      (collection) =>
        collection.withConsistency('ONE').query.nearVector(
          [...vector],
          {
            limit,
            includeVector: vectors,
            returnMetadata: ['distance'],
            returnProperties: [...properties],
            ...(where !== undefined && { filters: where }),
          },
          signal === undefined ? undefined : { abortSignal: signal },
        ),
      signal,
    )
    return objects.map(foundOf)
  }

  /** Those that exist, in no particular order: see `readByIds`. */
  async ofIds(uuids: readonly string[], options: ReadOptions): Promise<Map<string, Found>> {
    const found = await readByIds(this.access, uuids, options)
    return new Map(found.map((one) => [one.uuid, one]))
  }

  /** Whether one replica answers lists, and no other is asked. */
  isByOne(): Promise<boolean> {
    return this.access.isByOne()
  }

  /** The first ones sorted by a number, ascending. */
  sorted(by: PropertyName, { where, limit, ...options }: Query & Pick<ReadOptions, 'consistency'>): Promise<Found[]> {
    return this.#fetch({ limit, sort: by, ...(where !== undefined && { filters: where }) }, options)
  }

  /**
   * The same, but with fewer than the limit only if one replica has no more. A node killed in the middle of a change keeps index entries of
   * objects that it has replaced: they are matched and counted, but nothing is returned for them, so a short list is not the end.
   * @throws AlikeError `engine_unreachable` if more such entries are in the way than the server can list at a time
   */
  async sortedFully(
    by: PropertyName,
    { where, limit, ...options }: Query & { where: Where } & Pick<ReadOptions, 'consistency'>,
  ): Promise<Found[]> {
    for (let listed = limit; ; listed = Math.min(answerMax, 2 * listed)) {
      const found = await this.sorted(by, { where, limit: listed, ...options })
      if (found.length >= limit) return found.slice(0, limit)
      const matching = await this.count(where)
      if (matching <= listed) return found
      if (listed === answerMax)
        throw new AlikeError('engine_unreachable', {
          detail: `It counts ${matching} objects and lists ${found.length}.`,
        })
    }
  }

  /** What any of the replicas has that must answer; lists and searches are answered by one. */
  anywhere(where: Where): Promise<Anywhere> {
    return this.access.call((server) => server.findAnywhere(this.access.name, restOf(where)))
  }

  /** The most recently stored objects, newest first. */
  async newest({ limit, properties, vectors = false }: Omit<Query, 'where'>): Promise<Found[]> {
    const { objects } = await this.access.query((collection) =>
      collection.query.fetchObjects({
        limit,
        sort: sortedBy(collection, 'stamp', false),
        includeVector: vectors,
        returnProperties: [...properties],
      }),
    )
    return objects.map(foundOf)
  }

  /** 0 if there are none. */
  async newestStamp(): Promise<number> {
    const [newest] = await this.newest({ limit: 1, properties: ['stamp'] })
    return newest?.properties.stamp ?? 0
  }

  /** All objects, page by page, in the server's order. */
  async *all({ limit, ...options }: Omit<Query, 'where'> & Pick<ReadOptions, 'consistency'>): AsyncGenerator<Found[]> {
    for (let after: string | undefined; ; ) {
      const page = await this.#fetch({ limit, ...(after !== undefined && { after }) }, options)
      if (page.length > 0) yield page
      if (page.length < limit) return
      after = page.at(-1)!.uuid
    }
  }

  async #fetch(
    { sort, ...options }: { limit: number; filters?: Where; after?: string; sort?: PropertyName },
    { properties, vectors = false, consistency = this.access.consistency }: ReadOptions,
  ): Promise<Found[]> {
    const { objects } = await this.access.query((collection) =>
      collection.withConsistency(levelOf(consistency)).query.fetchObjects({
        ...options,
        ...(sort !== undefined && { sort: sortedBy(collection, sort, true) }),
        includeVector: vectors,
        returnMetadata: ['updateTime', 'isConsistent'],
        returnProperties: [...properties],
      }),
    )
    return objects.map(foundOf)
  }
}

/** Undefined on a timeout, or if a replica does not answer. */
async function unlessHeldUp<Reply>(answer: Promise<Reply>): Promise<Reply | undefined> {
  const patience = new AbortController()
  try {
    return await Promise.race([answer, sleep(allCountMs, undefined, patience)])
  } catch {
    return undefined
  } finally {
    patience.abort()
  }
}

/** The client types property names statically; its filters and sort orders cannot take names from variables. */
function sortedBy(collection: Opened, name: PropertyName, ascending: boolean) {
  return collection.sort.byProperty(name as never, ascending)
}
