/** The connection to one node: checked before use, and monitored during requests. */
import { setTimeout as sleep } from 'node:timers/promises'
import weaviate, { ApiKey, type WeaviateClient } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import { type RestOptions, RestRefusal, RestRequests, SlowAnswer } from './rest-requests.js'
import { portOf, type ServerNode } from './server-nodes.js'
import { expectSafeVersion } from './server-versions.js'
import { expectSynchronousIndexing, type NodeReport } from './synchronous-indexing.js'
import type { WeaviateSettings } from './weaviate-settings.js'
import { type NodeShards, type ShardQuestions, type Undivided, WholeAnswers } from './whole-answers.js'

/** How long a response may take before the node is probed, and how long the probe may take. */
const patienceMs = 1_000
const foundWithinMs = 3_000
/** Shorter than a node takes to forget others that it cannot reach. */
const ledForMs = 3_000
const leaderWithinMs = 2_000
const shardsWithinMs = 2_000
/** A server takes longer to start. */
const loadedForMs = 1_000

/** The means of a call: reads use the client, writes the REST interface. */
export interface NodeAccess {
  client: WeaviateClient
  /** @param options.timeoutMs default: what is left of the attempt */
  rest<Answer>(path: string, options?: Partial<RestOptions>): Promise<Answer>
  /**
   * A node counts only replicas on nodes that it sees: one that is cut off soon regards itself as all of them, and acknowledges what no
   * other node has. Only nodes in a majority reach the cluster's leader, which is asked for the collection. A node may reach it before it
   * counts the others again: so it is asked which it counts.
   * @param options.again also if it was asked a moment ago
   * @throws AlikeError `gallery_not_found`, `engine_unreachable`; if there is no leader
   */
  expectLed(collection: string, options?: { again?: boolean }): Promise<void>
  /** Without asking the leader, which reads need not wait for. @throws AlikeError `engine_unreachable` */
  expectCounted(collection: string): Promise<void>
  /**
   * A starting node that has not loaded a collection yet says of each object that there is none; a list is refused.
   * @throws client errors
   */
  expectLoaded(collection: string): Promise<void>
  /**
   * Call it after an answer about all of a collection.
   * @throws AlikeError `engine_unreachable` if a shard may be missing from it
   */
  expectWhole(collection: string): Promise<void>
}

export class ServerConnection {
  readonly client: WeaviateClient
  readonly #rest: RestRequests
  readonly #timeoutMs: number
  /** When a collection was last known to be counted by enough nodes. */
  readonly #countedAt = new Map<string, number>()
  /** When the leader last responded. */
  #ledAt = -Infinity
  /** When a collection was last known to be loaded. */
  readonly #loadedAt = new Map<string, number>()
  readonly #whole: WholeAnswers

  private constructor({ client, rest, timeoutMs, undivided }: Parts) {
    this.client = client
    this.#rest = rest
    this.#timeoutMs = timeoutMs
    this.#whole = new WholeAnswers(shardQuestions(rest, timeoutMs), undivided)
  }

  /**
   * Checks its version and settings each time, because they may differ after a restart.
   * @param nodesWithinMs an unresponsive node delays the status of all nodes
   * @throws AlikeError `engine_version_refused`, `engine_setting_refused`; client and network errors
   */
  static async open(
    node: ServerNode,
    settings: WeaviateSettings,
    { nodesWithinMs, undivided }: { nodesWithinMs: number; undivided: Undivided },
  ): Promise<ServerConnection> {
    const { apiKey, timeoutMs } = settings
    const rest = new RestRequests(node.rest, apiKey)
    try {
      const withinMs = Math.min(timeoutMs, foundWithinMs)
      const { version = '' } = await rest.ask<{ version?: string }>('v1/meta', { timeoutMs: withinMs })
      expectSafeVersion(version)
      expectSynchronousIndexing(await nodesOf(rest, Math.min(timeoutMs, nodesWithinMs)))
      return new ServerConnection({ client: await clientOf(node, settings), rest, timeoutMs, undivided })
    } catch (error) {
      rest.close()
      throw error
    }
  }

  /**
   * One attempt at a call. The client would retry a dead node for up to a minute, so the node is probed during slow
   * calls. A live node may be waiting for a dead one; it is abandoned at the limit.
   * @throws SlowAnswer, RestRefusal, and client and network errors
   */
  async attempt<Reply>(ask: (node: NodeAccess) => Promise<Reply>, limitMs: number): Promise<Reply> {
    const began = performance.now()
    const leftMs = () => Math.max(0, began + limitMs - performance.now())
    // an abandoned write must not arrive later
    const rest: NodeAccess['rest'] = (path, { timeoutMs = Infinity, ...options } = {}) =>
      this.#rest.ask(path, { ...options, timeoutMs: Math.min(timeoutMs, leftMs()) })
    const expectLed: NodeAccess['expectLed'] = async (collection, { again = false } = {}) => {
      const now = performance.now()
      if (again || now - this.#ledAt >= ledForMs) {
        await this.#askLeader(collection, leftMs)
        this.#ledAt = now
      }
      await this.#expectCounted(collection)
    }
    const expectCounted = (collection: string) => this.#expectCounted(collection)
    const expectLoaded = (collection: string) => this.#expectLoaded(collection)
    const expectWhole = (collection: string) => this.#whole.expect(collection)
    const node = { client: this.client, rest, expectLed, expectCounted, expectLoaded, expectWhole }
    const answered = ask(node).then((reply) => ({ reply }))
    answered.catch(() => {}) // perhaps nobody waits for it any more
    for (;;) {
      if (leftMs() === 0) throw new SlowAnswer(`no answer within ${Math.round(limitMs)} ms`)
      const first = await within(Math.min(patienceMs, leftMs()), answered)
      if (first !== undefined) return first.reply
      const there = this.#expectThere()
      there.catch(() => {}) // the answer may come first
      const second = await within(leftMs(), answered, there)
      if (second !== undefined) return second.reply
    }
  }

  /** While a leader is elected, which takes up to ten seconds, a request hangs for longer than that; asked again, it is answered at once. */
  async #askLeader(collection: string, leftMs: () => number): Promise<void> {
    for (;;)
      try {
        return await this.#rest.ask(`v1/schema/${collection}`, { timeoutMs: Math.min(leaderWithinMs, leftMs()) })
      } catch (cause) {
        if (cause instanceof RestRefusal && cause.status === 404) throw new AlikeError('gallery_not_found', { cause })
        if (!(cause instanceof SlowAnswer) || leftMs() === 0) throw cause
      }
  }

  async #expectCounted(collection: string): Promise<void> {
    const now = performance.now()
    if (now - (this.#countedAt.get(collection) ?? -Infinity) < ledForMs) return
    await this.#whole.expectMajority(collection)
    this.#countedAt.set(collection, now)
  }

  async #expectLoaded(collection: string): Promise<void> {
    const now = performance.now()
    if (now - (this.#loadedAt.get(collection) ?? -Infinity) < loadedForMs) return
    const { query } = this.client.collections.use(collection).withConsistency('ONE')
    await query.fetchObjects({ limit: 1, returnProperties: [] })
    this.#loadedAt.set(collection, now)
  }

  async #expectThere(): Promise<undefined> {
    try {
      await this.#rest.ask('v1/meta', { timeoutMs: Math.min(this.#timeoutMs, foundWithinMs) })
    } catch (cause) {
      throw new Error('the node does not answer', { cause })
    }
  }

  /** Cancels everything in progress. */
  async close(): Promise<void> {
    this.#rest.close()
    await this.client.close()
  }
}

interface Parts {
  client: WeaviateClient
  rest: RestRequests
  timeoutMs: number
  undivided: Undivided
}

interface CollectionAnswer {
  shardingConfig?: { desiredCount?: number }
  replicationConfig?: { factor?: number }
}

export function shardQuestions(rest: RestRequests, timeoutMs: number): ShardQuestions {
  return {
    async layout(collection) {
      const path = `v1/schema/${collection}`
      const { shardingConfig, replicationConfig } = await rest.ask<CollectionAnswer>(path, { timeoutMs })
      return { shards: shardingConfig?.desiredCount ?? 1, replicas: replicationConfig?.factor ?? 1 }
    },
    async nodes(collection) {
      const path = `v1/nodes/${collection}?output=verbose`
      try {
        return (await rest.ask<{ nodes?: NodeShards[] }>(path, { timeoutMs: shardsWithinMs })).nodes ?? []
      } catch (error) {
        if (error instanceof SlowAnswer) return undefined
        // of a node that is starting, which counts, it says that there is no such collection
        if (error instanceof RestRefusal && error.status === 404) return 'starting'
        throw error
      }
    },
  }
}

/** The first answer; undefined on a timeout. */
async function within<Answer>(ms: number, ...answers: Promise<Answer | undefined>[]): Promise<Answer | undefined> {
  const patience = new AbortController()
  try {
    return await Promise.race([...answers, sleep(ms, undefined, patience).catch(() => undefined)])
  } finally {
    patience.abort()
  }
}

/** Empty if the key lacks permission to read them. */
async function nodesOf(rest: RestRequests, timeoutMs: number): Promise<readonly NodeReport[]> {
  const report = rest.ask<{ nodes?: NodeReport[] }>('v1/nodes', { timeoutMs })
  return (await report.catch(() => undefined))?.nodes ?? []
}

function clientOf({ rest, grpcHost, grpcPort }: ServerNode, { apiKey, timeoutMs }: WeaviateSettings) {
  const secure = rest.protocol === 'https:'
  const seconds = timeoutMs / 1_000
  return weaviate.connectToCustom({
    httpHost: rest.hostname,
    httpPort: portOf(rest, secure),
    httpPath: rest.pathname === '/' ? '' : rest.pathname,
    httpSecure: secure,
    grpcHost,
    grpcPort,
    grpcSecure: secure,
    ...(apiKey !== '' && { authCredentials: new ApiKey(apiKey) }),
    timeout: { init: Math.min(seconds, foundWithinMs / 1_000), query: seconds, insert: seconds },
  })
}
