/**
 * The one way to the server: connected when it is first needed, its version and settings looked at whenever it was away. Searches and
 * reads go through its client; several objects are written by one request of the REST interface, because the client waits
 * half a second for each batch of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import weaviate, { ApiKey, type WeaviateClient } from 'weaviate-client'
import { AlikeError, type ErrorCode } from '../../errors.js'
import { expectSafeVersion } from './server-versions.js'
import { expectSynchronousIndexing, type NodeReport } from './synchronous-indexing.js'
import type { WeaviateSettings } from './weaviate-settings.js'

/** Why one object of a batch was not written; undefined when it was. */
export type BatchResult = AlikeError | undefined

export interface BatchObject {
  class: string
  id: string
  properties: Record<string, unknown>
  vectors: { default: number[] }
}

/** So long an answer may take before the server is looked for. */
const patienceMs = 1_000
/** A node that does not answer holds up what is told of all nodes. */
const nodesWithinMs = 5_000
/** While it answers so, galleries in it are not served. */
const awayCodes: readonly ErrorCode[] = ['engine_unreachable', 'engine_version_refused', 'engine_setting_refused']
/** How soon asking again makes sense. */
const retryAfterSeconds = 5

export class WeaviateServer {
  readonly settings: WeaviateSettings
  #connecting: Promise<WeaviateClient> | undefined
  #closed = false
  #unreachable: string | undefined

  constructor(settings: WeaviateSettings) {
    this.settings = settings
  }

  /** Why the last call was not answered; undefined when it was. */
  get unreachable(): string | undefined {
    return this.#unreachable
  }

  /** @throws AlikeError `engine_unreachable`, `engine_version_refused`, `engine_setting_refused`, `storage_full`, `gallery_not_found` where there is no such collection */
  async call<Reply>(ask: (client: WeaviateClient) => Promise<Reply>): Promise<Reply> {
    if (this.#closed) throw new AlikeError('shutting_down')
    this.#connecting ??= this.#connect()
    const connecting = this.#connecting
    try {
      const reply = await this.#watched(ask(await connecting))
      this.#unreachable = undefined
      return reply
    } catch (error) {
      const told = errorOf(error)
      if (awayCodes.includes(told.code)) {
        this.#unreachable = told.message
        this.#forget(connecting) // it may come back as another one
      }
      throw told
    }
  }

  /** @throws AlikeError as `call` */
  async expectReady(): Promise<void> {
    await this.call(async (client) => {
      if (!(await client.isReady())) throw new Error('it is starting')
    })
  }

  /** Each is written or not by itself. @throws AlikeError as `call` */
  async write(objects: readonly BatchObject[]): Promise<BatchResult[]> {
    return this.call(async () => {
      const level = this.settings.consistency.toUpperCase()
      const written = await this.#rest<WrittenObject[]>(`v1/batch/objects?consistency_level=${level}`, { objects })
      return written.map(({ result }) =>
        result?.status === 'SUCCESS' ? undefined : errorOf(new Error(messageOf(result))),
      )
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = await this.#connecting?.catch(() => undefined)
    await client?.close()
  }

  async #connect(): Promise<WeaviateClient> {
    const { url, grpcAddress, apiKey, timeoutMs } = this.settings
    const rest = new URL(url)
    const grpc = new URL(`grpc://${grpcAddress}`)
    const secure = rest.protocol === 'https:'
    const seconds = timeoutMs / 1_000
    expectSafeVersion((await this.#rest<{ version?: string }>('v1/meta')).version ?? '')
    expectSynchronousIndexing(await this.#nodes())
    return weaviate.connectToCustom({
      httpHost: rest.hostname,
      httpPort: portOf(rest, secure),
      httpPath: rest.pathname === '/' ? '' : rest.pathname,
      httpSecure: secure,
      grpcHost: grpc.hostname,
      grpcPort: portOf(grpc, secure),
      grpcSecure: secure,
      ...(apiKey !== '' && { authCredentials: new ApiKey(apiKey) }),
      timeout: { init: seconds, query: seconds, insert: seconds },
    })
  }

  /** Empty where its key may not ask for them, or a node that is away holds up the answer. */
  async #nodes(): Promise<readonly NodeReport[]> {
    const within = Math.min(this.settings.timeoutMs, nodesWithinMs)
    const told = this.#rest<{ nodes?: NodeReport[] }>('v1/nodes', undefined, within)
    return (await told.catch(() => undefined))?.nodes ?? []
  }

  async #rest<Answer>(path: string, body?: object, timeoutMs = this.settings.timeoutMs): Promise<Answer> {
    const { url, apiKey } = this.settings
    const answer = await fetch(new URL(path, base(url)), {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...(apiKey !== '' && { authorization: `Bearer ${apiKey}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!answer.ok) throw new Error(`status ${answer.status}: ${(await answer.text()).slice(0, 500)}`)
    return (await answer.json()) as Answer
  }

  /** The client would ask a server that is gone again and again, for most of a minute: one that takes long is looked for. */
  async #watched<Reply>(asked: Promise<Reply>): Promise<Reply> {
    const answered = asked.then((reply) => ({ reply }))
    answered.catch(() => {}) // perhaps nobody waits for it any more
    for (;;) {
      const patience = new AbortController()
      const first = await Promise.race([answered, sleep(patienceMs, undefined, patience).catch(() => undefined)])
      patience.abort()
      if (first !== undefined) return first.reply
      await this.#rest('v1/meta')
    }
  }

  /** Whatever is under way ends: it is asked of a server that does not answer. */
  #forget(connecting: Promise<WeaviateClient>): void {
    if (this.#connecting !== connecting) return
    this.#connecting = undefined
    void connecting.then((client) => client.close()).catch(() => {})
  }
}

interface WrittenObject {
  result?: { status?: string; errors?: { error?: { message?: string }[] } }
}

const messageOf = (result: WrittenObject['result']) => result?.errors?.error?.[0]?.message ?? 'unknown error'

const base = (url: string) => (url.endsWith('/') ? url : `${url}/`)

function portOf(url: URL, secure: boolean): number {
  return url.port === '' ? (secure ? 443 : 80) : Number(url.port)
}

/** Detail of `engine_unreachable`. */
export const keyRefused = 'It refuses the API key.'

const meanings: readonly [pattern: RegExp, error: (cause: unknown) => AlikeError][] = [
  [
    /unauthenticated|unauthorized|permission.?denied|forbidden|status 40[13]|code: 40[13]/i,
    (cause) => unreachable(keyRefused, cause),
  ],
  [
    /could not find class|class .* not found|no such collection/i,
    (cause) => new AlikeError('gallery_not_found', { cause }),
  ],
  [
    /read.?only|disk usage|no space left/i,
    (cause) => new AlikeError('storage_full', { detail: 'The vector server takes no writes.', cause }),
  ],
  [
    /consistency level|cannot reach enough replicas|not enough replicas/i,
    (cause) => unreachable('Too few of its replicas answer.', cause),
  ],
]

function errorOf(cause: unknown): AlikeError {
  if (cause instanceof AlikeError) return cause
  const text = cause instanceof Error ? `${cause.name} ${cause.message}` : String(cause)
  const [, error] = meanings.find(([pattern]) => pattern.test(text)) ?? []
  return error === undefined ? unreachable(undefined, cause) : error(cause)
}

function unreachable(detail: string | undefined, cause: unknown): AlikeError {
  return new AlikeError('engine_unreachable', { ...(detail !== undefined && { detail }), cause, retryAfterSeconds })
}
