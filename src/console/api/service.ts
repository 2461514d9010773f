/** Calls to the service: typed by its own contract, with this session's key, and with problem responses as errors. */
import { signal } from '@preact/signals'
import type { components, paths } from 'openapi'
import createClient from 'openapi-fetch'
import { isFromProxy, lostText, untilBack } from './connection.js'
import { apiKey, callsForbidden, keyHeaders, wantKey } from './key.js'
import { type Problem, ServiceError } from './service-error.js'

export type Schemas = components['schemas']

/** The service is where the page is, behind whatever path a proxy added. */
export const serviceBase = new URL('.', document.baseURI)

/** Number of calls about a gallery that was not there: it may have been deleted. */
export const galleriesMissed = signal(0)

export const service = createClient<paths>({
  baseUrl: serviceBase.href.replace(/\/$/, ''),
  fetch: (request) => callWithKey(request),
})

/** For anything but JSON: pictures, events, lines. @throws ServiceError */
export async function fetchFrom(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await callWithKey(new Request(new URL(path, serviceBase), init))
  if (!response.ok) throw new ServiceError(response.status, await problemOf(response))
  return response
}

/** The data of a response. @throws ServiceError */
export async function answerOf<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data, error, response } = await call
  if (!response.ok) throw new ServiceError(response.status, (error ?? {}) as Partial<Problem>)
  return data as Data
}

/** A picture as a request body; the type generator declares every binary body as a string. */
export function imageBody(image: Blob) {
  return {
    body: image as unknown as string,
    bodySerializer: (body: unknown) => body as Blob,
    headers: { 'content-type': image.type.startsWith('image/') ? image.type : 'image/jpeg' },
  }
}

/** A call that only reads is repeated: at most three times as soon as a busy service, or one that was lost, permits. */
async function callWithKey(request: Request): Promise<Response> {
  const key = apiKey.value
  for (const [name, value] of Object.entries(keyHeaders())) request.headers.set(name, value)
  for (let triesLeft = onlyReads(request) ? 3 : 0; ; triesLeft--) {
    const response = await fetch(triesLeft > 0 ? request.clone() : request).catch(brokenConnection)
    if (response instanceof Error || isFromProxy(response)) {
      const back = untilBack()
      if (triesLeft > 0) {
        await unlessAborted(back, request.signal)
        continue
      }
      if (response instanceof Error) throw response
      return response
    }
    // another key may have been given since
    if (response.status === 401 && key === apiKey.value) wantKey()
    if (response.status === 403) callsForbidden.value++
    if (response.status === 404) void noteMissed(response.clone())
    if (triesLeft === 0 || (response.status !== 429 && response.status !== 503)) return response
    const seconds = Math.min(30, Number(response.headers.get('retry-after') ?? 1))
    await unlessAborted(new Promise((resolve) => setTimeout(resolve, 1_000 * seconds)), request.signal)
  }
}

/** The search, its explanation, and whatever is fetched. */
function onlyReads({ method, url }: Request): boolean {
  return method === 'GET' || /\/v1\/galleries\/[^/]+\/(search|explain)$/.test(new URL(url).pathname)
}

/** Browsers say "Failed to fetch", "Load failed" or "NetworkError". @throws every other error */
function brokenConnection(error: unknown): TypeError {
  if (!(error instanceof TypeError)) throw error
  return new TypeError(lostText, { cause: error })
}

async function noteMissed(response: Response): Promise<void> {
  if ((await problemOf(response)).code === 'gallery_not_found') galleriesMissed.value++
}

async function problemOf(response: Response): Promise<Partial<Problem>> {
  const text = await response.text()
  try {
    return JSON.parse(text) as Partial<Problem>
  } catch {
    return { detail: text.slice(0, 300) }
  }
}

function unlessAborted<Value>(wait: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    void wait.then(resolve)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
