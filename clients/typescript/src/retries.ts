/** Attempts again what may be attempted again, as late as the service asks for. */
import { AlikeUnreachable, problemOf, retryAfterSeconds } from './problems.js'

export interface RetryOptions {
  /** Attempts of one request, the first included. Default 5; 1 never tries again. */
  attempts?: number | undefined
  /** Pause before the second attempt where the service names none, in milliseconds; doubled for each further one. Default 250. */
  firstPauseMs?: number | undefined
  /** No pause is longer; where the service asks for a longer one, its refusal is thrown. Default 30,000. */
  pauseMaxMs?: number | undefined
}

export type Fetch = (request: Request) => Promise<Response>

/** Refusals in passing, of the service or of a proxy in front of it: the request was not carried out. */
const passing: readonly number[] = [429, 502, 503, 504]
/** Calls that only look, though they are sent by POST. */
const reading = /\/(search|search\/batch|compare|embeddings)$/

/**
 * @param makeRequest called for each attempt: a body can be sent only once
 * @throws AlikeProblem when the service refuses for good
 * @throws AlikeUnreachable when there is no answer
 */
export async function fetchWithRetries(
  makeRequest: () => Request,
  send: Fetch,
  { attempts = 5, firstPauseMs = 250, pauseMaxMs = 30_000 }: RetryOptions = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const request = makeRequest()
    const isLast = attempt >= attempts
    // Half of it is random, so that clients which were refused together do not come back together.
    const backoffMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2)
    let pauseMs = backoffMs
    try {
      const response = await send(request)
      if (response.ok) return response
      const askedMs = (retryAfterSeconds(response.headers) ?? 0) * 1000
      if (isLast || !passing.includes(response.status) || askedMs > pauseMaxMs || !mayRepeat(request, response.status))
        throw await problemOf(response)
      await response.body?.cancel()
      pauseMs = Math.max(askedMs, backoffMs)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // a refusal, or the caller's own abort
      if (isLast || !mayRepeat(request))
        throw new AlikeUnreachable(`${request.method} ${request.url} got no answer.`, { cause: error })
    }
    await pause(pauseMs, request.signal)
  }
}

/** Carried out twice, it must come to the same. What a full service has refused was not carried out at all. */
function mayRepeat({ method, url, headers }: Request, status?: number): boolean {
  return (
    status === 429 ||
    status === 503 ||
    ['GET', 'HEAD', 'PUT', 'DELETE'].includes(method) ||
    headers.has('idempotency-key') ||
    reading.test(new URL(url).pathname)
  )
}

/** @throws the signal's reason when it is aborted */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
