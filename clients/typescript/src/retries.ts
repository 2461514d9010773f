/** Retries requests that may be repeated, after the delay the service asks for. */
import { type AlikeProblem, AlikeUnreachable, expectNoPage, problemOf } from './problems.js'

export interface RetryOptions {
  /** Attempts per request, including the first. Default 5; 1 disables retries. */
  attempts?: number | undefined
  /**
   * Delay before the second attempt if the service specifies none, in milliseconds; doubles for each further one.
   * Default 250.
   */
  firstPauseMs?: number | undefined
  /** Maximum delay; if the service asks for a longer one, its refusal is thrown. Default 30,000. */
  pauseMaxMs?: number | undefined
}

export type Fetch = (request: Request) => Promise<Response>

/** Temporary refusals by the service or a proxy in front of it. */
const passing: readonly number[] = [429, 502, 503, 504]
/** Read-only calls, although they use POST. */
const reading = /\/(search|search\/batch|explain|compare|embeddings)$/

/**
 * What refers to the signal of a call, for as long as its answer is being read: Node.js (24) itself lets go of the request
 * once the answer begins, and the call could not be aborted any more.
 */
const readFor = new WeakMap<ReadableStream, unknown>()

/**
 * @param makeRequest called for each attempt, because a body can only be sent once
 * @throws AlikeProblem if the service refuses permanently, or something else answers in its place
 * @throws AlikeUnreachable if there is no response
 */
export async function fetchWithRetries(
  makeRequest: () => Request,
  send: Fetch,
  { attempts = 5, firstPauseMs = 250, pauseMaxMs = 30_000 }: RetryOptions = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const request = makeRequest()
    const isLast = attempt >= attempts
    // Half of it is random, so that clients refused together do not return together.
    const backoffMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2)
    let pauseMs = backoffMs
    try {
      const response = await send(request)
      if (response.body !== null) readFor.set(response.body, [makeRequest, request])
      if (response.ok) {
        await expectNoPage(response)
        return await whole(response)
      }
      const problem = await problemOf(response)
      const askedMs = (problem.retryAfterSeconds ?? 0) * 1000
      if (isLast || !passing.includes(problem.status) || askedMs > pauseMaxMs || !mayRepeat(request, problem))
        throw problem
      pauseMs = Math.max(askedMs, backoffMs)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // a refusal, or the caller's own abort
      if (isLast || !mayRepeat(request))
        throw new AlikeUnreachable(`${request.method} ${request.url} got no answer${reasonOf(error)}.`, {
          cause: error,
        })
    }
    await pause(pauseMs, request.signal)
  }
}

/** `fetch` itself only says that it failed. */
function reasonOf({ cause }: TypeError): string {
  const { message = '', code = '', library, reason: tls } = (cause ?? {}) as Record<string, string | undefined>
  // the message of OpenSSL is a line of its log
  const reason = library === 'SSL routines' && tls !== undefined ? `TLS: ${tls}` : message || code
  return reason === '' ? '' : `: ${reason}`
}

/** JSON is read here: an answer that breaks off is none. Other bodies are streams for the caller to read. */
async function whole(response: Response): Promise<Response> {
  if (response.headers.get('content-type')?.startsWith('application/json') !== true) return response
  return new Response(await response.arrayBuffer(), response)
}

/** A request may be repeated if it is idempotent, or if a full service has refused it without executing it. */
function mayRepeat({ method, url, headers }: Request, problem?: AlikeProblem): boolean {
  return (
    problem?.status === 429 ||
    ['GET', 'HEAD'].includes(method) ||
    (!isConditional(headers) && (isNotExecuted(problem) || ['PUT', 'DELETE'].includes(method))) ||
    headers.has('idempotency-key') ||
    reading.test(new URL(url).pathname)
  )
}

/** Or only in part, such as a write that its engine has stored without answering: repeating it completes it. */
function isNotExecuted(problem: AlikeProblem | undefined): boolean {
  return problem?.status === 503 && problem.code !== 'store_outcome_unknown'
}

/** Whether it would be refused if it had been executed before, completely or in part. */
function isConditional(headers: Headers): boolean {
  return headers.has('if-match') || headers.has('if-none-match')
}

/** @throws the signal's reason if it is aborted */
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
