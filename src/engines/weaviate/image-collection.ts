/**
 * The collection of one set, in this engine's terms. It is created with its set and never again; a missing one is
 * reported.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaviateClient } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import { addedProperties, definitionOf } from './collection-definition.js'
import { everyToken } from './filter-tokens.js'
import type { Found, ImageProperties, PropertyName } from './image-object.js'
import { anyToken, both, putBetween, type Where } from './pushed-filter.js'
import type { BatchResult, WeaviateServer } from './weaviate-server.js'
import type { CollectionLayout, Consistency, IndexTuning } from './weaviate-settings.js'

/** Maximum objects per response with the server's default configuration. */
export const answerMax = 10_000
/** Objects per write request: with their thumbnails, some megabytes at most. */
const writtenAtOnce = 128
const idsAtOnce = 500

/** Timeout of a count over all replicas, and how long it is not retried after a timeout. */
const allCountMs = 2_000
const heldUpForMs = 10_000

export interface Asked {
  where?: Where | undefined
  limit: number
  properties: readonly PropertyName[]
  vectors?: boolean | undefined
}

/** To be written. */
export interface NewObject {
  uuid: string
  properties: ImageProperties
  vector: Float32Array
}

export class ImageCollection {
  readonly name: string
  readonly #server: WeaviateServer
  readonly #layout: CollectionLayout
  readonly #tuning: IndexTuning
  #isDropped = false
  /** Until this time a replica is considered unavailable. */
  #allCountFrom = 0
  #upToDate: Promise<void> | undefined

  constructor(server: WeaviateServer, name: string, layout: CollectionLayout, tuning: IndexTuning) {
    this.#server = server
    this.name = name
    this.#layout = layout
    this.#tuning = tuning
  }

  /** If it does not exist yet. @throws AlikeError as `WeaviateServer.call` does */
  async make(): Promise<void> {
    await this.#server.call(async (client) => {
      if (await client.collections.exists(this.name)) return
      try {
        await client.collections.create(definitionOf(this.name, this.#layout, this.#tuning))
      } catch (error) {
        // another process was faster
        if (!(await client.collections.exists(this.name))) throw error
      }
    })
  }

  /** @throws AlikeError `gallery_lost`; as `WeaviateServer.call` does */
  async expectMade(): Promise<void> {
    await this.#told(() =>
      this.#server.call(async ({ collections }) => {
        if (!(await collections.exists(this.name))) throw new AlikeError('gallery_not_found')
      }),
    )
  }

  /** As created. */
  async layout(): Promise<CollectionLayout> {
    const { sharding, replication, vectorizers } = await this.#ask((collection) => collection.config.get())
    const index = vectorizers['default']?.indexConfig as { quantizer?: { type?: string } } | undefined
    return {
      shards: sharding.desiredCount,
      replicas: replication.factor,
      quantisation: index?.quantizer?.type === 'rq' ? 'rq8' : 'none',
    }
  }

  /** No further requests are made to it. */
  end(): void {
    this.#isDropped = true
  }

  /**
   * A count without a condition has a constant cost, but the server asks every replica for it, and a replica of a dead
   * node delays it for up to a minute (1.39.0). A count with a condition that every object meets is answered by one
   * replica, at a cost per picture.
   */
  async count(where?: Where): Promise<number> {
    if (where !== undefined) return this.#countOf(where)
    if (performance.now() >= this.#allCountFrom) {
      const counted = await this.#ask((collection) => unlessHeldUp(collection.aggregate.overAll()))
      if (counted !== undefined) return counted.totalCount
      this.#allCountFrom = performance.now() + heldUpForMs
    }
    return this.#countOf(anyToken([everyToken]))
  }

  async #countOf(where: Where): Promise<number> {
    const { totalCount } = await this.#ask((collection) => collection.aggregate.overAll({ filters: where }))
    return totalCount
  }

  /**
   * The nearest to a vector, nearest first. One replica answers whatever the consistency: others would only be asked
   * whether their copies match, and an unreachable one would delay the search.
   */
  async near(
    vector: Float32Array,
    { where, limit, properties, vectors = true }: Asked,
    signal?: AbortSignal,
  ): Promise<Found[]> {
    const { objects } = await this.#ask(
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

  /** Those that exist, in no particular order. */
  async ofIds(uuids: readonly string[], asked: Omit<Asked, 'where' | 'limit'>): Promise<Map<string, Found>> {
    const found = new Map<string, Found>()
    for (let begin = 0; begin < uuids.length; begin += idsAtOnce) {
      const part = [...new Set(uuids.slice(begin, begin + idsAtOnce))]
      for (const one of await this.#fetch({ filters: ofThese(part), limit: part.length }, asked))
        found.set(one.uuid, one)
    }
    return found
  }

  /** The first ones sorted by a number, ascending. */
  sorted(by: PropertyName, { where, limit, ...asked }: Asked): Promise<Found[]> {
    return this.#fetch({ limit, sort: by, ...(where !== undefined && { filters: where }) }, asked)
  }

  /** The most recently stored object. */
  async newest(): Promise<Found | undefined> {
    const { objects } = await this.#ask((collection) =>
      collection.query.fetchObjects({
        limit: 1,
        sort: sortedBy(collection, 'stamp', false),
        returnProperties: ['stamp'],
      }),
    )
    return objects.map(foundOf)[0]
  }

  /** All objects, page by page, in the server's order. */
  async *all({ limit, ...asked }: Omit<Asked, 'where'>): AsyncGenerator<Found[]> {
    for (let after: string | undefined; ; ) {
      const page = await this.#fetch({ limit, ...(after !== undefined && { after }) }, asked)
      if (page.length > 0) yield page
      if (page.length < limit) return
      after = page.at(-1)!.uuid
    }
  }

  /** Candidate matches, page by page, in the order of storage; none stored before `from` or after `upTo`. */
  async *byStamp({
    where,
    from = 0,
    upTo,
    limit,
    properties,
    vectors,
  }: Asked & { from?: number | undefined; upTo: number }): AsyncGenerator<Found[]> {
    // two processes may store pictures with the same stamp at the same time: a page may end between them
    let [first, seen] = [from, new Set<string>()]
    for (;;) {
      const asked = { where: both(where, putBetween(first, upTo)), limit: limit + seen.size, vectors }
      const page = await this.sorted('stamp', { ...asked, properties: [...new Set([...properties, 'stamp' as const])] })
      const unseen = page.filter(({ uuid }) => !seen.has(uuid))
      if (unseen.length > 0) yield unseen
      if (page.length < asked.limit) return
      const last = page.at(-1)!.properties.stamp!
      const ofLast = page.flatMap(({ uuid, properties: { stamp } }) => (stamp === last ? uuid : []))
      seen = new Set([...(last === first ? seen : []), ...ofLast])
      first = last
    }
  }

  /** In the order of the objects: the error if one was not written. */
  async write(objects: readonly NewObject[]): Promise<BatchResult[]> {
    const results: BatchResult[] = []
    for (let begin = 0; begin < objects.length; begin += writtenAtOnce) {
      const part = objects.slice(begin, begin + writtenAtOnce)
      const written = () =>
        part.map(({ uuid, properties, vector }) => ({
          class: this.name,
          id: uuid,
          properties: { ...properties, ...newAttempt() },
          vectors: { default: [...vector] },
        }))
      results.push(...(await this.#told(() => this.#server.write(written))))
    }
    await this.flush(objects.flatMap(({ uuid }, i) => (results[i] === undefined ? uuid : [])))
    return results
  }

  /**
   * The server acknowledges a batch before its graph's log has left the process: if it is killed then, the objects
   * exist but no search finds them. A removal flushes that log on every replica involved, even a dry run.
   */
  async flush(uuids: readonly string[], consistency?: Consistency): Promise<void> {
    const asked = { dryRun: true, consistency }
    for (let begin = 0; begin < uuids.length; begin += idsAtOnce)
      await this.#told(() => this.#server.remove(this.name, uuids.slice(begin, begin + idsAtOnce), asked))
  }

  /** Omitted properties stay; `null` removes one. The vector is unchanged. @throws AlikeError `image_not_found` */
  async merge(uuid: string, properties: Partial<ImageProperties>): Promise<void> {
    await this.#told(() => this.#server.merge(this.name, uuid, () => properties))
  }

  /**
   * Inserts the picture into every replica's graph again, as it is stored there. Unlike a batch, a single change is acknowledged after
   * the graph's log has left the process.
   * @throws AlikeError `engine_unreachable` while a replica is missing, `image_not_found`
   */
  async enterAgain(uuid: string): Promise<void> {
    await this.#told(() => this.#server.merge(this.name, uuid, newAttempt, 'all'))
  }

  /**
   * A removal without a time loses against any picture that a node has which missed it: the picture would come back to all. With the time of the
   * next millisecond after the last write it wins against that write, and loses against a later one, whatever clocks say.
   */
  async remove(uuids: readonly string[]): Promise<void> {
    for (let begin = 0; begin < uuids.length; begin += idsAtOnce) {
      const part = uuids.slice(begin, begin + idsAtOnce)
      const asked = { deletedAt: (await this.#lastUpdate(part)) + 1 }
      const failed = await this.#told(() => this.#server.remove(this.name, part, asked))
      if (failed > 0) throw new AlikeError('engine_unreachable', { detail: `${failed} pictures were not deleted.` })
    }
  }

  /** Of the newest of these, by the clock of the node that wrote it; milliseconds since 1970. */
  async #lastUpdate(uuids: readonly string[]): Promise<number> {
    const asked = { filters: ofThese(uuids), limit: uuids.length, returnMetadata: ['updateTime' as const] }
    const { objects } = await this.#ask((collection) =>
      collection.query.fetchObjects({ ...asked, returnProperties: [] }),
    )
    return Math.max(0, ...objects.map(({ metadata }) => metadata?.updateTime?.getTime() ?? 0))
  }

  async #fetch(
    { sort, ...options }: { limit: number; filters?: Where; after?: string; sort?: PropertyName },
    { properties, vectors = false }: Omit<Asked, 'where' | 'limit'>,
  ): Promise<Found[]> {
    const { objects } = await this.#ask((collection) =>
      collection.query.fetchObjects({
        ...options,
        ...(sort !== undefined && { sort: sortedBy(collection, sort, true) }),
        includeVector: vectors,
        returnProperties: [...properties],
      }),
    )
    return objects.map(foundOf)
  }

  #ask<Reply>(ask: (collection: Opened) => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
    return this.#told(() =>
      this.#server.call(async (client) => {
        await this.#bringUpToDate(client)
        return ask(openedOf(client, this.#server, this.name))
      }, signal),
    )
  }

  /** @throws AlikeError `gallery_not_found` once it has been dropped, `gallery_lost`; as `WeaviateServer.call` does */
  async #told<Reply>(ask: () => Promise<Reply>): Promise<Reply> {
    this.#expectKept()
    try {
      return await ask()
    } catch (error) {
      throw error instanceof AlikeError && error.code === 'gallery_not_found' ? this.#lost(error) : error
    }
  }

  /** Runs once: adds missing properties to a collection created by an older version. */
  async #bringUpToDate(client: WeaviateClient): Promise<void> {
    this.#upToDate ??= this.#addProperties(client)
    try {
      await this.#upToDate
    } catch (error) {
      this.#upToDate = undefined
      throw error
    }
  }

  async #addProperties(client: WeaviateClient): Promise<void> {
    const { config } = client.collections.use(this.name)
    const known = new Set((await config.get()).properties.map(({ name }) => name))
    for (const property of addedProperties.filter(({ name }) => !known.has(name))) await config.addProperty(property)
  }

  #expectKept(): void {
    if (this.#isDropped) throw new AlikeError('gallery_not_found')
  }

  /** Dropped during the request, by this process or by someone else. */
  #lost(cause?: unknown): AlikeError {
    if (this.#isDropped) return new AlikeError('gallery_not_found', { cause })
    return new AlikeError('gallery_lost', { detail: `Weaviate has no collection ${this.name}.`, cause })
  }
}

/**
 * If a picture is written again with the same vector, the server stores it but does not insert it into the graph, assuming that it is
 * already there; an interrupted attempt may have left it only in the store. A changed coordinate makes the server insert it.
 */
function newAttempt(): { attempt: { latitude: number; longitude: number } } {
  return { attempt: { latitude: Math.random() * 180 - 90, longitude: Math.random() * 360 - 180 } }
}

/** Undefined on a timeout, or if a replica does not answer. */
async function unlessHeldUp<Reply>(asked: Promise<Reply>): Promise<Reply | undefined> {
  const patience = new AbortController()
  try {
    return await Promise.race([asked, sleep(allCountMs, undefined, patience)])
  } catch {
    return undefined
  } finally {
    patience.abort()
  }
}

function ofThese(uuids: readonly string[]): Where {
  return { operator: 'ContainsAny', target: { property: '_id' }, value: uuids }
}

function openedOf(client: WeaviateClient, server: WeaviateServer, name: string) {
  const level = server.settings.consistency.toUpperCase() as 'ONE' | 'QUORUM' | 'ALL'
  return client.collections.use(name).withConsistency(level)
}
type Opened = ReturnType<typeof openedOf>

/** The client types property names statically; its filters and sort orders cannot take names from variables. */
function sortedBy(collection: Opened, name: PropertyName, ascending: boolean) {
  return collection.sort.byProperty(name as never, ascending)
}

interface Returned {
  uuid: string
  properties: object
  vectors?: object
  metadata?: { distance?: number } | undefined
}

function foundOf({ uuid, properties, vectors, metadata }: Returned): Found {
  const { default: vector = [] } = (vectors ?? {}) as { default?: number[] }
  return { uuid, properties: properties as Partial<ImageProperties>, vector, distance: metadata?.distance }
}
