/** The way to one node, looked at before it is used and watched while it is asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import weaviate, { ApiKey, type WeaviateClient } from 'weaviate-client'
import { type RestOptions, RestRequests, SlowAnswer } from './rest-requests.js'
import { portOf, type ServerNode } from './server-nodes.js'
import { expectSafeVersion } from './server-versions.js'
import { expectSynchronousIndexing, type NodeReport } from './synchronous-indexing.js'
import type { WeaviateSettings } from './weaviate-settings.js'

/** So long an answer may take before the node is looked for, and so long it may take to be found. */
const patienceMs = 1_000
const foundWithinMs = 3_000

/** What a call asks with: reads go through the client, writes through the REST interface. */
export interface Asking {
  client: WeaviateClient
  rest<Answer>(path: string, options?: Omit<RestOptions, 'timeoutMs'>): Promise<Answer>
}

export class ServerConnection {
  readonly client: WeaviateClient
  readonly #rest: RestRequests
  readonly #timeoutMs: number

  private constructor(client: WeaviateClient, rest: RestRequests, timeoutMs: number) {
    this.client = client
    this.#rest = rest
    this.#timeoutMs = timeoutMs
  }

  /**
   * Its version and settings are looked at each time: it may come back as another one.
   * @param nodesWithinMs a node that does not answer holds up what is told of all nodes
   * @throws AlikeError `engine_version_refused`, `engine_setting_refused`; what client and network say
   */
  static async open(node: ServerNode, settings: WeaviateSettings, nodesWithinMs: number): Promise<ServerConnection> {
    const { apiKey, timeoutMs } = settings
    const rest = new RestRequests(node.rest, apiKey)
    try {
      const withinMs = Math.min(timeoutMs, foundWithinMs)
      const { version = '' } = await rest.ask<{ version?: string }>('v1/meta', { timeoutMs: withinMs })
      expectSafeVersion(version)
      expectSynchronousIndexing(await nodesOf(rest, Math.min(timeoutMs, nodesWithinMs)))
      return new ServerConnection(await clientOf(node, settings), rest, timeoutMs)
    } catch (error) {
      rest.close()
      throw error
    }
  }

  /**
   * One attempt at a call. The client would ask a node that is gone again and again, for most of a minute: one that takes long is
   * looked for. One that is there may wait for another one that is gone: that is given up at the limit.
   * @throws SlowAnswer, RestRefusal, and what client and network say
   */
  async attempt<Reply>(ask: (asking: Asking) => Promise<Reply>, limitMs: number): Promise<Reply> {
    const began = performance.now()
    const rest: Asking['rest'] = (path, options = {}) => this.#rest.ask(path, { ...options, timeoutMs: limitMs })
    const answered = ask({ client: this.client, rest }).then((reply) => ({ reply }))
    answered.catch(() => {}) // perhaps nobody waits for it any more
    for (;;) {
      const patience = new AbortController()
      const first = await Promise.race([answered, sleep(patienceMs, undefined, patience).catch(() => undefined)])
      patience.abort()
      if (first !== undefined) return first.reply
      await this.#expectThere()
      if (performance.now() - began >= limitMs) throw new SlowAnswer(`no answer within ${limitMs} ms`)
    }
  }

  async #expectThere(): Promise<void> {
    try {
      await this.#rest.ask('v1/meta', { timeoutMs: Math.min(this.#timeoutMs, foundWithinMs) })
    } catch (cause) {
      throw new Error('the node does not answer', { cause })
    }
  }

  /** Whatever is under way ends. */
  async close(): Promise<void> {
    this.#rest.close()
    await this.client.close()
  }
}

/** Empty where the key may not ask for them. */
async function nodesOf(rest: RestRequests, timeoutMs: number): Promise<readonly NodeReport[]> {
  const told = rest.ask<{ nodes?: NodeReport[] }>('v1/nodes', { timeoutMs })
  return (await told.catch(() => undefined))?.nodes ?? []
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
