/**
 * Fetches pictures from hosts listed by the owner of the service. The URL comes from a caller and the response from a
 * stranger: both are bounded in every respect, and neither reaches the internal network.
 */
import type { Dispatcher } from 'undici'
import { AlikeError, hasCode } from '../errors.js'
import type { FetchOutcome } from '../metrics/intake.js'
import { AllowedHosts, expectAllowed } from './allowed-hosts.js'
import { boundedBytes } from './bounded-bytes.js'
import { GuardedRequests } from './guarded-requests.js'
import { Pace } from './pace.js'
import { isLoopback } from './public-addresses.js'

export interface RemoteImagesOptions {
  /** Separated by commas; empty: nothing is ever fetched. */
  urlAllowedHosts: string
  /** From the request to the last byte, including redirects. */
  urlTimeoutMs: number
  /** Over all hosts together; 0 for no limit. */
  urlMaxPerSecond?: number | undefined
  uploadMaxBytes: number
  /** For tests, whose servers have no public address. */
  allowLoopback?: boolean
  /** For a metric. */
  onFetch?: (outcome: FetchOutcome) => void
}

export interface RemoteImages {
  /** Whether there are hosts to fetch from. */
  readonly isEnabled: boolean
  /** Without a network request. @throws AlikeError `url_disabled`, `url_not_allowed` */
  expectAllowed(url: string): void
  /**
   * @param onBytes receives the number of bytes as they arrive; throwing ends the fetch
   * @throws AlikeError `url_disabled`, `url_not_allowed`, `url_unreachable`, `image_too_large`; the signal's reason
   * when aborted
   */
  fetch(url: string, signal?: AbortSignal, onBytes?: (bytes: number) => void): Promise<Buffer>
  /**
   * In bytes, without reading it.
   * @returns undefined if the server does not state it
   * @throws AlikeError as `fetch`
   */
  size(url: string, signal?: AbortSignal): Promise<number | undefined>
  close(): Promise<void>
}

const redirectsMax = 3
const connectionsPerHost = 8

/** @throws AlikeError `config_invalid` for a malformed list of hosts */
export function openRemoteImages(options: RemoteImagesOptions): RemoteImages {
  const { urlAllowedHosts, urlTimeoutMs, urlMaxPerSecond = 0, uploadMaxBytes, allowLoopback = false, onFetch } = options
  const pace = new Pace(urlMaxPerSecond)
  const hosts = new AllowedHosts(urlAllowedHosts)
  const isAllowed = (address: string) => hosts.reaches(address) || (allowLoopback && isLoopback(address))
  const requests = new GuardedRequests({ isAllowed, timeoutMs: urlTimeoutMs, connectionsPerHost })

  const following = { hosts, requests }

  /** @param count of what is fetched */
  async function inTime<Result>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
    count?: (outcome: FetchOutcome) => void,
  ): Promise<Result> {
    if (hosts.isEmpty) throw new AlikeError('url_disabled')
    await pace.turn(signal)
    const deadline = withDeadline(urlTimeoutMs, signal)
    try {
      const result = await work(deadline.signal)
      count?.('fetched')
      return result
    } catch (error) {
      signal?.throwIfAborted()
      const known = asFailure(error, deadline.signal.aborted, urlTimeoutMs)
      count?.(known.code === 'url_not_allowed' ? 'refused' : 'failed')
      throw known
    } finally {
      deadline.forget()
    }
  }

  return {
    isEnabled: !hosts.isEmpty,
    expectAllowed(url) {
      if (hosts.isEmpty) throw new AlikeError('url_disabled')
      expectAllowed(url, undefined, hosts)
    },
    fetch(url, signal, onBytes) {
      const read: Answered<Buffer> = (body, { 'content-length': announced = 0 }) =>
        boundedBytes(body, { announced: Number(announced), maxBytes: uploadMaxBytes, onBytes })
      return inTime(signal, (within) => followTo(url, { ...following, method: 'GET', signal: within }, read), onFetch)
    },
    size: (url, signal) =>
      inTime(signal, async (within) => {
        const ask = (method: 'HEAD' | 'GET') => followTo(url, { ...following, method, signal: within }, statedSize)
        // an address may be signed for GET only
        return ask('HEAD').catch((error: unknown) => {
          if (!hasCode(error, 'url_unreachable')) throw error
          return ask('GET')
        })
      }),
    close: () => requests.close(),
  }
}

interface Following {
  hosts: AllowedHosts
  requests: GuardedRequests
  method: 'HEAD' | 'GET'
  signal: AbortSignal
}

type Answered<Result> = (
  body: Dispatcher.ResponseData['body'],
  headers: Dispatcher.ResponseData['headers'],
) => Promise<Result>

/** Each redirect must lead to an allowed host too. */
async function followTo<Result>(
  text: string,
  { hosts, requests, method, signal }: Following,
  answered: Answered<Result>,
): Promise<Result> {
  let url = expectAllowed(text, undefined, hosts)
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const { statusCode, headers, body } = await requests.send(url, {
      method,
      signal,
      headers: { accept: 'image/*', 'user-agent': 'alike' },
    })
    body.on('error', () => {}) // errors of a body that is never read
    if (statusCode === 200) return await answered(body, headers)
    body.destroy()
    const { location } = headers
    if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== 'string')
      throw unreachable(`It answered with status ${statusCode}.`, undefined, retryAfter(statusCode, headers))
    url = expectAllowed(location, url, hosts)
  }
  throw unreachable(`It was redirected more than ${redirectsMax} times.`)
}

/** Undefined if it does not state the size of the file itself. */
const statedSize: Answered<number | undefined> = async (body, headers) => {
  body.destroy()
  const { 'content-length': size, 'content-encoding': coding } = headers
  return typeof size === 'string' && coding === undefined ? Number(size) : undefined
}

/**
 * Aborted by the caller's signal or on timeout. (`AbortSignal.any` would stay tied to a signal that lives as long as a
 * job.)
 */
function withDeadline(timeoutMs: number, signal: AbortSignal | undefined): { signal: AbortSignal; forget(): void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(abort, timeoutMs)
  return {
    signal: controller.signal,
    forget() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    },
  }
}

function asFailure(error: unknown, timeIsUp: boolean, timeoutMs: number): AlikeError {
  if (error instanceof AlikeError) return error
  return unreachable(timeIsUp ? `It was not complete within ${timeoutMs} ms.` : 'It gave no answer.', error, 1)
}

/** In seconds; undefined if a retry would get the same answer. */
function retryAfter(status: number, headers: Dispatcher.ResponseData['headers']): number | undefined {
  if (![429, 500, 502, 503, 504].includes(status)) return undefined
  const text = String(headers['retry-after'])
  const said = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000
  return said > 0 ? Math.ceil(said) : 1
}

function unreachable(detail: string, cause?: unknown, retryAfterSeconds?: number): AlikeError {
  return new AlikeError('url_unreachable', {
    detail,
    cause,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}
