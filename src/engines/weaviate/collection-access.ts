/**
 * Access to the collection of one set: it is created with its set and never again, a missing one is reported, and one of an older version is
 * brought up to date.
 */
import type { WeaviateClient } from 'weaviate-client'
import { AlikeError, hasCode } from '../../errors.js'
import { addedProperties, definitionOf, expectReadable } from './collection-definition.js'
import type { WeaviateServer } from './weaviate-server.js'
import type { CollectionLayout, Consistency, IndexTuning } from './weaviate-settings.js'

export interface CollectionOptions {
  layout: CollectionLayout
  tuning: IndexTuning
  /** Whether the collection should be there; asked if it is missing. Default: it should. */
  isKept?: (() => Promise<boolean>) | undefined
}

export class CollectionAccess {
  readonly name: string
  readonly #server: WeaviateServer
  readonly #options: CollectionOptions
  #isDropped = false
  #isReplicated: boolean | undefined
  #upToDate: Promise<CollectionDefinition> | undefined
  /** Once it is up to date. */
  #definition: CollectionDefinition | undefined

  constructor(server: WeaviateServer, name: string, options: CollectionOptions) {
    this.#server = server
    this.name = name
    this.#options = options
  }

  /** If it does not exist yet. @throws AlikeError as `WeaviateServer.call` does */
  async make(): Promise<void> {
    const { layout, tuning } = this.#options
    await this.#server.call(async (client) => {
      if (await client.collections.exists(this.name)) return
      try {
        await client.collections.create(definitionOf(this.name, layout, tuning))
      } catch (error) {
        // another process was faster
        if (!(await client.collections.exists(this.name))) throw error
      }
    })
  }

  /** @throws AlikeError `gallery_lost`; as `WeaviateServer.call` does */
  async expectPrepared(): Promise<void> {
    await this.call((server) =>
      server.call(async ({ collections }) => {
        if (!(await collections.exists(this.name))) throw new AlikeError('gallery_not_found')
      }),
    )
  }

  /** @returns its definition, as first read @throws AlikeError `gallery_newer`; as `WeaviateServer.call` does */
  async expectReadable(): Promise<CollectionDefinition> {
    return this.#definition ?? this.call((server) => server.call((client) => this.#bringUpToDate(client)))
  }

  /** As created. */
  async layout(): Promise<CollectionLayout> {
    const { sharding, replication, vectorizers } = await this.query((collection) => collection.config.get())
    const index = vectorizers['default']?.indexConfig as { quantizer?: { type?: string } } | undefined
    return {
      shards: sharding.desiredCount,
      replicas: replication.factor,
      quantisation: index?.quantizer?.type === 'rq' ? 'rq8' : 'none',
    }
  }

  /**
   * The server compares a set, or the part of it that meets a condition, one by one if it has fewer pictures. That is for the collection to say:
   * another version may have made it, and its owner may have changed it in the server.
   */
  async exactBelow(): Promise<number> {
    const { vectorizers } = await this.expectReadable()
    const index = vectorizers['default']?.indexConfig as { flatSearchCutoff?: number } | undefined
    return index?.flatSearchCutoff ?? 0
  }

  /** As configured. */
  get consistency(): Consistency {
    return this.#server.settings.consistency
  }

  /** Whether there is more than one replica of each object. */
  async isReplicated(): Promise<boolean> {
    this.#isReplicated ??= (await this.layout()).replicas > 1
    return this.#isReplicated
  }

  /** Whether one replica answers. */
  async isByOne(): Promise<boolean> {
    return this.consistency === 'one' || !(await this.isReplicated())
  }

  /** No further requests are made to it. */
  end(): void {
    this.#isDropped = true
  }

  /** @throws AlikeError `gallery_newer`; as `call` does */
  query<Reply>(ask: (collection: Opened) => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
    return this.call((server) =>
      server.call(
        async (client) => {
          await this.#bringUpToDate(client)
          return ask(openedOf(client, this.#server, this.name))
        },
        { about: this.name, signal },
      ),
    )
  }

  /** @throws AlikeError `gallery_not_found` before it is made and once it is dropped, `gallery_lost`; as `WeaviateServer.call` does */
  async call<Reply>(ask: (server: WeaviateServer) => Promise<Reply>): Promise<Reply> {
    this.#expectKept()
    try {
      return await ask(this.#server)
    } catch (error) {
      throw hasCode(error, 'gallery_not_found') ? await this.#missing(error) : error
    }
  }

  /** Runs once: adds missing properties to a collection created by an older version, and refuses one of a newer. @returns its definition before */
  async #bringUpToDate(client: WeaviateClient): Promise<CollectionDefinition> {
    this.#upToDate ??= this.#addProperties(client)
    try {
      this.#definition = await this.#upToDate
      return this.#definition
    } catch (error) {
      this.#upToDate = undefined
      throw error
    }
  }

  async #addProperties(client: WeaviateClient): Promise<CollectionDefinition> {
    const { config } = client.collections.use(this.name)
    const definition = await config.get()
    expectReadable(this.name, definition.description)
    const known = new Set(definition.properties.map(({ name }) => name))
    for (const property of addedProperties.filter(({ name }) => !known.has(name))) await config.addProperty(property)
    return definition
  }

  #expectKept(): void {
    if (this.#isDropped) throw new AlikeError('gallery_not_found')
  }

  /** This process or another one has dropped it during the request, or is still making it; or it is lost. */
  async #missing(cause: unknown): Promise<AlikeError> {
    const { isKept = async () => true } = this.#options
    if (this.#isDropped || !(await isKept())) return new AlikeError('gallery_not_found', { cause })
    return new AlikeError('gallery_lost', { detail: `Weaviate has no collection ${this.name}.`, cause })
  }
}

function openedOf(client: WeaviateClient, server: WeaviateServer, name: string) {
  return client.collections.use(name).withConsistency(levelOf(server.settings.consistency))
}
export const levelOf = (consistency: Consistency) => consistency.toUpperCase() as Uppercase<Consistency>

export type Opened = ReturnType<typeof openedOf>
type CollectionDefinition = Awaited<ReturnType<Opened['config']['get']>>
