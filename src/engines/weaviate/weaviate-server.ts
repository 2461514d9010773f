/** What the server is asked to do. The only access to it. */
import pMap from 'p-map'
import type { WeaviateClient } from 'weaviate-client'
import { AlikeError, hasCode } from '../../errors.js'
import { type BatchResult, expectRemoved, type Removal, type WrittenObject, writtenOf } from './batch-outcomes.js'
import { RestRefusal, SlowAnswer } from './rest-requests.js'
import { ServerCalls } from './server-calls.js'
import type { NodeAccess } from './server-connection.js'
import { errorOf } from './server-errors.js'
import type { NodeReport } from './synchronous-indexing.js'
import type { Consistency, WeaviateSettings } from './weaviate-settings.js'

export interface BatchObject {
  class: string
  id: string
  properties: Record<string, unknown>
  vectors?: { default: number[] } | undefined
}

/** As its interface returns it. */
export interface StoredObject {
  id: string
  properties?: Record<string, unknown> | undefined
  vectors?: { default?: number[] } | undefined
  /** Milliseconds since 1970. */
  lastUpdateTimeUnix: number
}

export interface Anywhere {
  /** As many as the server returns at most, in no order. */
  uuids: string[]
  count: number
}

const readAtOnce = 16
const alignedWithinMs = 2_000
/** A replica that does not answer within half a minute is left out of what is found (1.39.0). */
const foundWithinMs = 25_000

export class WeaviateServer {
  readonly settings: WeaviateSettings
  readonly #calls: ServerCalls
  #hasFailedWrites = false

  constructor(settings: WeaviateSettings) {
    this.settings = settings
    this.#calls = new ServerCalls(settings)
  }

  /** Why the last call failed; undefined if it succeeded. */
  get unreachable(): string | undefined {
    return this.#calls.unreachable
  }

  /** Of these the server may have stored pictures, and put them into none of its indexes. */
  get hasFailedWrites(): boolean {
    return this.#hasFailedWrites
  }

  /**
   * @throws AlikeError `engine_unreachable`, `engine_version_refused`, `engine_setting_refused`, `storage_full`,
   * `gallery_not_found` if there is no such collection; the signal's reason
   */
  call<Reply>(ask: (client: WeaviateClient) => Promise<Reply>, { about, signal }: CallOptions = {}): Promise<Reply> {
    return this.#calls.ask(async ({ client, expectWhole }) => {
      const reply = await ask(client)
      if (about !== undefined) await expectWhole(about)
      return reply
    }, signal)
  }

  /** Does not ask for readiness, which falters under load and while another node is away. @throws AlikeError as `call` does */
  async expectThere(): Promise<void> {
    await this.#calls.ask(({ rest }) => rest('v1/meta'))
  }

  /** @param hosts may lack what other nodes have, and are used only if no other answers */
  avoid(hosts: ReadonlySet<string>): void {
    this.#calls.avoid(hosts)
  }

  /** All nodes the server knows, and whether they respond now. @throws AlikeError as `call` does */
  async nodes(): Promise<readonly NodeReport[]> {
    return this.#calls.ask(async ({ rest }) => (await rest<{ nodes?: NodeReport[] }>('v1/nodes')).nodes ?? [])
  }

  /**
   * Of a single node, which elects itself at each start with the next term; undefined until it has, or if the API key may not ask.
   * @throws AlikeError as `call` does
   */
  async soleTerm(): Promise<number | undefined> {
    const { statistics = [] } = await this.#calls.ask(({ rest }) =>
      rest<RaftReport>('v1/cluster/statistics').catch((error): RaftReport => {
        // a failed call would give up the connection, and with it a repair in progress
        if (error instanceof RestRefusal) return {}
        throw error
      }),
    )
    const [{ raft } = {}, ...others] = statistics
    const isSole = others.length === 0 && raft?.numPeers === '0' && raft.state === 'Leader'
    return isSole ? Number(raft.term) : undefined
  }

  /** Each node, as far as addresses are known. */
  places(): Promise<{ url: string; grpcAddress: string }[]> {
    return this.#calls.places()
  }

  /** Names of all collections. @throws AlikeError as `call` does */
  async collections(): Promise<string[]> {
    return this.#calls.ask(async ({ rest }) => {
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
    return this.#write(async ({ rest, expectLed }) => {
      const written = objects()
      await this.#expectLed(expectLed, written[0]!.class)
      const path = `v1/batch/objects?${levelOf(this.settings.consistency)}`
      const answers = await rest<WrittenObject[]>(path, { method: 'POST', body: { objects: written } })
      const results = writtenOf(answers, written.length)
      this.#hasFailedWrites ||= results.some((failure) => failure !== undefined)
      return results
    })
  }

  /**
   * Those that exist, each as the newest of the replicas has it that must answer; the client's reads by id are filters, which
   * one replica answers (1.39.0).
   * @throws AlikeError as `call` does
   */
  async read(
    collection: string,
    ids: readonly string[],
    { vectors = false, consistency = this.settings.consistency }: ReadOptions = {},
  ): Promise<StoredObject[]> {
    const parameters = `${levelOf(consistency)}${vectors ? '&include=vector' : ''}`
    return this.#calls.ask(async ({ rest, expectLed, expectCounted, expectLoaded }) => {
      await expectLoaded(collection)
      if (consistency !== 'one') await expectCounted(collection)
      const readOne = (id: string) =>
        rest<StoredObject>(`v1/objects/${collection}/${id}?${parameters}`).catch((error) => {
          if (!(error instanceof RestRefusal) || error.status !== 404) throw error
          return undefined
        })
      const read = await pMap(ids, readOne, { concurrency: readAtOnce })
      const found = read.filter((one) => one !== undefined)
      // a missing collection, and a node that is cut off from the others, say the same of every object
      if (found.length < ids.length) await expectLed(collection, { again: true })
      return found
    })
  }

  /**
   * Finds what any of the replicas has that must answer, as a removal does before it removes anything; lists are answered by one replica.
   * @param where as the REST interface expects it
   * @throws AlikeError as `call` does
   */
  async findAnywhere(collection: string, where: object): Promise<Anywhere> {
    return this.#calls.ask(async ({ rest, expectLed, expectWhole }) => {
      await this.#expectLed(expectLed, collection)
      const body = { match: { class: collection, where }, dryRun: true, output: 'verbose' }
      const path = `v1/batch/objects?${levelOf(this.settings.consistency)}`
      const began = performance.now()
      const { results = {} } = await rest<Removal>(path, { method: 'DELETE', body })
      if (performance.now() - began > foundWithinMs) throw new SlowAnswer('a replica may not have answered')
      const { matches: count = 0, objects } = results
      const uuids = (objects ?? []).map(({ id }) => id)
      // it found them, but too few replicas took part in what a removal does next
      if (uuids.some((uuid) => !uuid)) throw new Error('not enough replicas')
      await expectWhole(collection)
      return { uuids: uuids as string[], count }
    })
  }

  /** @throws AlikeError as `call` does, also if only some were removed */
  async remove(
    collection: string,
    ids: readonly string[],
    { dryRun = false, consistency = this.settings.consistency, deletedAt }: RemovalOptions = {},
  ): Promise<void> {
    await this.#write(async ({ rest, expectLed, expectWhole }) => {
      await this.#expectLed(expectLed, collection)
      const where = { operator: 'ContainsAny', path: ['id'], valueTextArray: ids }
      const body = { match: { class: collection, where }, dryRun, output: 'minimal', deletionTimeUnixMilli: deletedAt }
      const path = `v1/batch/objects?${levelOf(consistency)}`
      expectRemoved(await rest<Removal>(path, { method: 'DELETE', body }))
      await expectWhole(collection)
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
    await this.#write(async ({ rest, expectLed }) => {
      await this.#expectLed(expectLed, collection)
      await align(rest, collection, id)
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

  close(): Promise<void> {
    return this.#calls.close()
  }

  async #write<Reply>(ask: (node: NodeAccess) => Promise<Reply>): Promise<Reply> {
    try {
      return await this.#calls.ask(ask)
    } catch (error) {
      if (!hasCode(error, 'image_not_found')) this.#hasFailedWrites = true
      throw error
    }
  }

  /** With consistency `one`, an isolated replica may acknowledge alone. */
  async #expectLed(expectLed: NodeAccess['expectLed'], collection: string): Promise<void> {
    if (this.settings.consistency !== 'one') await expectLed(collection)
  }
}

/**
 * Each replica changes what it has. One that missed a replacement would keep the former picture under the time of this
 * change, so that no comparison of replicas notices. Asking all of them whether the object exists brings those up to date
 * that lag, in less than a millisecond; one that does not answer is taken to be down, so that it misses this change, too.
 */
async function align(rest: NodeAccess['rest'], collection: string, id: string): Promise<void> {
  const path = `v1/objects/${collection}/${id}?${levelOf('all')}`
  await rest(path, { method: 'HEAD', timeoutMs: alignedWithinMs }).catch(() => {})
}

const levelOf = (consistency: Consistency) => `consistency_level=${consistency.toUpperCase()}`

/** Of `GET /v1/cluster/statistics`, what is read. */
interface RaftReport {
  statistics?: { raft?: { term: string; numPeers: string; state: string } }[]
}

interface CallOptions {
  /** A collection of which no shard may be missing from the answer. */
  about?: string | undefined
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal | undefined
}
interface ReadOptions {
  vectors?: boolean | undefined
  consistency?: Consistency | undefined
}
interface RemovalOptions {
  /** Milliseconds since 1970. What was written later is kept by nodes that miss the removal. */
  deletedAt?: number | undefined
  /** Nothing is removed. */
  dryRun?: boolean | undefined
  consistency?: Consistency | undefined
}
