/**
 * Requests to the REST interface of one node. Abandoned requests are cancelled: a request left in the buffers of a
 * broken network would be delivered after its repair, and undo what was acknowledged elsewhere meanwhile. Cancelling
 * therefore resets the connection, which `fetch` cannot do.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps, Agent as SecureAgent } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RestOptions {
  method?: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE' | undefined
  body?: object | undefined
  /** Timeout of a response. */
  timeoutMs: number
}

/** The server answered with an error status. */
export class RestRefusal extends Error {
  readonly status: number

  constructor(status: number, answer: string) {
    super(`status ${status}: ${answer.slice(0, 500)}`)
    this.status = status
  }
}

/** The response took too long, but the server is there. */
export class SlowAnswer extends Error {}

export class RestRequests {
  readonly #base: URL
  readonly #headers: Record<string, string>
  readonly #isSecure: boolean
  readonly #agent: Agent
  /** With the function that rejects its promise. */
  readonly #underWay = new Map<ClientRequest, (why: Error) => void>()

  /** @param base its path is kept @param apiKey empty: anonymous */
  constructor(base: URL, apiKey: string) {
    this.#base = new URL(base.href.endsWith('/') ? base : `${base.href}/`)
    this.#headers = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` }
    this.#isSecure = base.protocol === 'https:'
    this.#agent = new (this.#isSecure ? SecureAgent : Agent)({ keepAlive: true })
  }

  /** @returns undefined for an empty response @throws RestRefusal, and network errors */
  async ask<Answer>(path: string, { method = 'GET', body, timeoutMs }: RestOptions): Promise<Answer> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers = {
      ...this.#headers,
      ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': payload.length }),
    }
    const ask = this.#isSecure ? requestHttps : requestHttp
    const request = ask(new URL(path, this.#base), { method, headers, agent: this.#agent })
    const answered = new Promise<{ status: number; content: string }>((resolve, reject) => {
      this.#underWay.set(request, reject)
      request.on('error', reject)
      request.on('response', (answer: IncomingMessage) => {
        text(answer).then((content) => resolve({ status: answer.statusCode!, content }), reject)
      })
    })
    const timer = setTimeout(
      () => this.#takeBack(request, new SlowAnswer(`no answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    )
    request.end(payload)
    try {
      const { status, content } = await answered
      if (status >= 300) throw new RestRefusal(status, content)
      return (content === '' ? undefined : JSON.parse(content)) as Answer
    } finally {
      clearTimeout(timer)
      this.#underWay.delete(request)
    }
  }

  /** Cancels requests in progress. */
  close(): void {
    for (const request of this.#underWay.keys()) this.#takeBack(request, new Error('given up'))
    this.#agent.destroy()
  }

  #takeBack(request: ClientRequest, why: Error): void {
    this.#underWay.get(request)?.(why)
    const socket: Socket | null = request.socket
    // impossible under TLS: data already written may be delivered
    if (socket !== null && !socket.connecting && !('encrypted' in socket)) socket.resetAndDestroy()
    request.destroy()
  }
}
