/**
 * Requests over connections to public addresses only. Many services never send one, so the package for them is loaded
 * with the first.
 */
import type { Agent, Dispatcher } from 'undici'
import type { GuardedConnectorOptions } from './guarded-connector.js'

export interface GuardedRequestsOptions extends GuardedConnectorOptions {
  /** Default: no limit. */
  connectionsPerHost?: number | undefined
}

export class GuardedRequests {
  readonly #options: GuardedRequestsOptions
  #agent: Agent | undefined
  #closed = false

  constructor(options: GuardedRequestsOptions) {
    this.#options = options
  }

  /** @throws AlikeError `url_not_allowed`; otherwise whatever undici throws, or Error once closed */
  async send(
    url: URL,
    options: Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & { method?: Dispatcher.HttpMethod },
  ): Promise<Dispatcher.ResponseData> {
    const [{ Agent, request }, { guardedConnector }] = await Promise.all([
      import('undici'),
      import('./guarded-connector.js'),
    ])
    if (this.#closed) throw new Error('no request is sent any more')
    const { timeoutMs, connectionsPerHost = null } = this.#options
    this.#agent ??= new Agent({
      connect: guardedConnector(this.#options),
      connections: connectionsPerHost,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    return request(url, { ...options, dispatcher: this.#agent })
  }

  /** Ends requests in progress. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#agent?.destroy()
  }
}
