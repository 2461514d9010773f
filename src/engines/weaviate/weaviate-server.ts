/**
 * The one way to the server: connected when it is first needed, its version looked at whenever it was away. Searches and
 * reads go through its client; several objects are written by one request of the REST interface, because the client waits
 * half a second for each batch of its own.
 */
import weaviate, { ApiKey, type WeaviateClient } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import { expectSafeVersion } from './server-versions.js'
import type { WeaviateSettings } from './weaviate-settings.js'

/** Why one object of a batch was not written; undefined when it was. */
export type BatchResult = AlikeError | undefined

export interface BatchObject {
  class: string
  id: string
  properties: Record<string, unknown>
  vectors: { default: number[] }
}

/** How soon asking again makes sense. */
const retryAfterSeconds = 5

export class WeaviateServer {
  readonly settings: WeaviateSettings
  #connecting: Promise<WeaviateClient> | undefined
  #closed = false

  constructor(settings: WeaviateSettings) {
    this.settings = settings
  }

  /** @throws AlikeError `engine_unreachable`, `engine_version_refused`, `storage_full`, `gallery_not_found` where there is no such collection */
  async call<Reply>(ask: (client: WeaviateClient) => Promise<Reply>): Promise<Reply> {
    if (this.#closed) throw new AlikeError('shutting_down')
    this.#connecting ??= this.#connect()
    const connecting = this.#connecting
    try {
      return await ask(await connecting)
    } catch (error) {
      const told = errorOf(error)
      // it may come back as another one
      if (told.code === 'engine_unreachable' || told.code === 'engine_version_refused') this.#forget(connecting)
      throw told
    }
  }

  /** Each is written or not by itself. @throws AlikeError as `call` */
  async write(objects: readonly BatchObject[]): Promise<BatchResult[]> {
    return this.call(async () => {
      const { url, apiKey, consistency, timeoutMs } = this.settings
      const answer = await fetch(
        new URL(`v1/batch/objects?consistency_level=${consistency.toUpperCase()}`, base(url)),
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(apiKey !== '' && { authorization: `Bearer ${apiKey}` }) },
          body: JSON.stringify({ objects }),
          signal: AbortSignal.timeout(timeoutMs),
        },
      )
      if (!answer.ok) throw new Error(`status ${answer.status}: ${(await answer.text()).slice(0, 500)}`)
      return ((await answer.json()) as WrittenObject[]).map(({ result }) =>
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
    const client = await weaviate.connectToCustom({
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
    try {
      expectSafeVersion((await client.getMeta()).version ?? '')
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** Calls under way keep their connection until they have ended. */
  #forget(connecting: Promise<WeaviateClient>): void {
    if (this.#connecting !== connecting) return
    this.#connecting = undefined
    void connecting.then(
      (client) => setTimeout(() => void client.close(), this.settings.timeoutMs).unref(),
      () => {},
    )
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

const meanings: readonly [pattern: RegExp, error: (cause: unknown) => AlikeError][] = [
  [
    /unauthenticated|unauthorized|permission.?denied|forbidden|status 40[13]|code: 40[13]/i,
    (cause) => unreachable('It refuses the API key.', cause),
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
