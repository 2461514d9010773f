/**
 * The only access to the server: connects to one of its nodes on demand, and to another one if that does not answer.
 * Every call may be repeated: reads change nothing, and writes are idempotent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaviateClient } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import { RestRefusal, SlowAnswer } from './rest-requests.js'
import { type Asking, ServerConnection } from './server-connection.js'
import { errorOf, isAway } from './server-errors.js'
import { ServerNodes } from './server-nodes.js'
import type { NodeReport } from './synchronous-indexing.js'
import type { Consistency, WeaviateSettings } from './weaviate-settings.js'

/** Why one object of a batch was not written; undefined on success. */
export type BatchResult = AlikeError | undefined

export interface BatchObject {
  class: string
  id: string
  properties: Record<string, unknown>
  vectors?: { default: number[] } | undefined
}

/**
 * Share of the timeout after which all attempts but the last are abandoned. A node keeps asking one that has died or
 * was cut off until it learns of that, some five seconds later; requests after that are answered.
 */
const firstAttempts = 1 / 4
/** Pause between attempts, multiplied by the failed ones: the nodes learn of each other's state. */
const pauseMs = 250
/** How long the status of the nodes may take, the first time and after one did not answer. */
const nodesWithinMs = { first: 5_000, again: 1_000 }

export class WeaviateServer {
  readonly settings: WeaviateSettings
  readonly #nodes: ServerNodes
  #connecting: Promise<ServerConnection> | undefined
  #wasConnected = false
  #closed = false
  #unreachable: string | undefined

  constructor(settings: WeaviateSettings) {
    this.settings = settings
    this.#nodes = new ServerNodes(settings)
  }

  /** Why the last call failed; undefined if it succeeded. */
  get unreachable(): string | undefined {
    return this.#unreachable
  }

  /**
   * @param signal aborted when nobody waits for the answer any more
   * @throws AlikeError `engine_unreachable`, `engine_version_refused`, `engine_setting_refused`, `storage_full`,
   * `gallery_not_found` if there is no such collection; the signal's reason
   */
  call<Reply>(ask: (client: WeaviateClient) => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
    return this.#asked(({ client }) => ask(client), signal)
  }

  /** @throws AlikeError as `call` does */
  async expectReady(): Promise<void> {
    await this.#asked(expectStarted)
  }

  /** All nodes the server knows, and whether they respond now. @throws AlikeError as `call` does */
  async nodes(): Promise<readonly NodeReport[]> {
    return this.#asked(async ({ rest }) => (await rest<{ nodes?: NodeReport[] }>('v1/nodes')).nodes ?? [])
  }

  /** Each node, as far as addresses are known. */
  places(): Promise<{ url: string; grpcAddress: string }[]> {
    return this.#nodes.all()
  }

  /** Names of all collections. @throws AlikeError as `call` does */
  async collections(): Promise<string[]> {
    return this.#asked(async ({ rest }) => {
      const { classes = [] } = await rest<{ classes?: { class: string }[] }>('v1/schema')
      return classes.map(({ class: name }) => name)
    })
  }

  /** A connection to each node, if their addresses are known; reads return what that node itself has. The caller closes them. */
  async apart(): Promise<WeaviateServer[]> {
    const settings = { ...this.settings, consistency: 'one' } as const
    return (await this.places()).map((place) => new WeaviateServer({ ...settings, ...place }))
  }

  /** Each object is written or fails independently. @param objects built for each attempt @throws AlikeError as `call` does */
  async write(objects: () => readonly BatchObject[]): Promise<BatchResult[]> {
    return this.#asked(async ({ rest, expectLed }) => {
      const written = objects()
      await this.#expectLed(expectLed, written[0]!.class)
      const path = `v1/batch/objects?${levelOf(this.settings.consistency)}`
      const answers = await rest<WrittenObject[]>(path, { method: 'POST', body: { objects: written } })
      const results = answers.map(({ result }) =>
        result?.status === 'SUCCESS' ? undefined : errorOf(new Error(messageOf(result))),
      )
      // another node may reach what this one cannot, or have loaded what this one has not yet
      const elsewhere = results.find((result) => result?.code === 'gallery_not_found' || (result && isAway(result)))
      if (elsewhere !== undefined) throw elsewhere
      return results
    })
  }

  /** @returns how many were not removed @throws AlikeError as `call` does */
  async remove(
    collection: string,
    ids: readonly string[],
    { dryRun = false, consistency = this.settings.consistency, deletedAt }: RemovalOptions = {},
  ): Promise<number> {
    return this.#asked(async ({ rest, expectLed }) => {
      await this.#expectLed(expectLed, collection)
      const where = { operator: 'ContainsAny', path: ['id'], valueTextArray: ids }
      const body = { match: { class: collection, where }, dryRun, output: 'minimal', deletionTimeUnixMilli: deletedAt }
      const path = `v1/batch/objects?${levelOf(consistency)}`
      const { results } = await rest<Removal>(path, { method: 'DELETE', body })
      return results?.failed ?? 0
    })
  }

  /**
   * Omitted properties stay; `null` removes one.
   * @param properties built for each attempt
   * @throws AlikeError `image_not_found`; as `call` does
   */
  async merge(
    collection: string,
    id: string,
    properties: () => object,
    consistency: Consistency = this.settings.consistency,
  ): Promise<void> {
    await this.#asked(async ({ rest, expectLed }) => {
      await this.#expectLed(expectLed, collection)
      const body = { class: collection, id, properties: properties() }
      try {
        await rest(`v1/objects/${collection}/${id}?${levelOf(consistency)}`, { method: 'PATCH', body })
      } catch (error) {
        if (error instanceof RestRefusal && error.status === 404 && errorOf(error).code !== 'gallery_not_found')
          throw new AlikeError('image_not_found', { cause: error })
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const connection = await this.#connecting?.catch(() => undefined)
    await connection?.close()
  }

  /** With consistency `one`, an isolated replica may acknowledge alone. */
  async #expectLed(expectLed: Asking['expectLed'], collection: string): Promise<void> {
    if (this.settings.consistency !== 'one') await expectLed(collection)
  }

  async #asked<Reply>(ask: (asking: Asking) => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
    const { timeoutMs } = this.settings
    for (let failures = 0; ; ) {
      if (this.#closed) throw new AlikeError('shutting_down')
      this.#connecting ??= this.#connect()
      const connecting = this.#connecting
      let isConnected = false
      try {
        const connection = await connecting
        isConnected = true
        const limitMs = failures < this.#nodes.count ? timeoutMs * firstAttempts : timeoutMs
        const reply = await connection.attempt((asking) => askedStarted(ask, asking), limitMs)
        this.#unreachable = undefined
        return reply
      } catch (error) {
        signal?.throwIfAborted() // an aborted call says nothing about the server
        const told = errorOf(error)
        if (!isAway(told)) throw told
        failures++
        // a merely slow node is kept; a dead one may come back changed
        if (!isConnected || !(error instanceof SlowAnswer) || failures > 1) this.#forget(connecting)
        if (failures > this.#nodes.count) {
          this.#unreachable = told.message
          throw told
        }
      }
      if (isConnected) await sleep(pauseMs * failures)
    }
  }

  async #connect(): Promise<ServerConnection> {
    const withinMs = this.#wasConnected ? nodesWithinMs.again : nodesWithinMs.first
    const connection = await ServerConnection.open(await this.#nodes.next(), this.settings, withinMs)
    this.#wasConnected = true
    return connection
  }

  /** Cancels everything in progress: it was sent to a node that does not answer. */
  #forget(connecting: Promise<ServerConnection>): void {
    if (this.#connecting !== connecting) return
    this.#connecting = undefined
    void connecting.then((connection) => connection.close()).catch(() => {})
  }
}

/**
 * A starting node knows no collections yet: a missing collection counts only if the node had started before it is asked
 * again.
 */
async function askedStarted<Reply>(ask: (asking: Asking) => Promise<Reply>, asking: Asking): Promise<Reply> {
  try {
    return await ask(asking)
  } catch (error) {
    if (errorOf(error).code !== 'gallery_not_found') throw error
    await expectStarted(asking)
    return ask(asking)
  }
}

async function expectStarted({ client }: Asking): Promise<void> {
  if (!(await client.isReady())) throw new Error('it is starting')
}

const levelOf = (consistency: Consistency) => `consistency_level=${consistency.toUpperCase()}`

interface WrittenObject {
  result?: { status?: string; errors?: { error?: { message?: string }[] } }
}
interface RemovalOptions {
  /** Milliseconds since 1970. What was written later is kept by nodes that miss the removal. */
  deletedAt?: number | undefined
  /** Nothing is removed. */
  dryRun?: boolean | undefined
  consistency?: Consistency | undefined
}
interface Removal {
  results?: { failed?: number }
}

const messageOf = (result: WrittenObject['result']) => result?.errors?.error?.[0]?.message ?? 'unknown error'
