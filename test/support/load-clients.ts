/**
 * Many concurrent clients of a started service, each sending its next request as soon as it is answered: records
 * responses and their latency.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { percentile } from '../../src/cli/percentile.js'
import { drawImage, drawnLabels } from './drawn-images.js'
import { formBody, formHeaders } from './forms.js'

export const loadKinds = ['search', 'search with four pictures', 'store', 'compare', 'leave'] as const
export type LoadKind = (typeof loadKinds)[number]

interface Sent {
  method: 'POST' | 'PUT'
  path: string
  type: string
  body: Buffer
}

/** Results of the requests of one kind. */
export class LoadTally {
  readonly acceptedMs: number[] = []
  readonly refusedMs: number[] = []
  /** Connections closed without a response. */
  broken = 0
  left = 0
  /** The first responses that no client should get. */
  readonly faults: string[] = []

  /** Of the answered ones. */
  get acceptedShare(): number {
    return this.acceptedMs.length / (this.acceptedMs.length + this.refusedMs.length)
  }
}

export interface LoadOptions {
  address: string
  gallery: string
  /** Clients of each kind. */
  clients: Partial<Record<LoadKind, number>>
  /** No request begins after it is aborted. */
  until: AbortSignal
  /** Approximate wait of a refused client: shorter than Retry-After, because clients are impatient. */
  patienceMs: number
  /** Receives the ids of pictures whose storage was acknowledged. */
  stored?: Set<string>
}

/** Maximum time between a response and the same client's next request. */
const lookMaxMs = 50

export type LoadReport = Record<LoadKind, LoadTally>

/** Resolves when the last client has its last response. */
export async function runClients(options: LoadOptions): Promise<LoadReport> {
  const report = Object.fromEntries(loadKinds.map((kind) => [kind, new LoadTally()])) as LoadReport
  const images = await Promise.all(
    Array.from({ length: 32 }, (_, n) => drawImage(drawnLabels[n % 4]!, n + 1, { width: 320, height: 240 })),
  )
  const dispatcher = new Agent({ headersTimeout: 120_000, bodyTimeout: 120_000 })
  const clients = loadKinds.flatMap((kind) =>
    Array.from({ length: options.clients[kind] ?? 0 }, (_, n) =>
      runClient(kind, n, report[kind], images, dispatcher, options),
    ),
  )
  await Promise.all(clients)
  await dispatcher.close()
  return report
}

async function runClient(
  kind: LoadKind,
  client: number,
  tally: LoadTally,
  images: Buffer[],
  dispatcher: Agent,
  options: LoadOptions,
): Promise<void> {
  for (let n = client; !options.until.aborted; n++) {
    const id = `${kind}-${client}-${n}-${randomUUID()}`
    const status = await ask(kind, n, id, tally, images, dispatcher, options)
    if (kind === 'store' && (status === 200 || status === 201)) options.stored?.add(id)
    const refused = status === undefined || status >= 400
    // A client pauses after a success; otherwise it would take its own place again before anybody else can.
    await sleep(refused ? options.patienceMs * (0.5 + Math.random()) : lookMaxMs * Math.random())
  }
}

/** @returns undefined without a response */
async function ask(
  kind: LoadKind,
  n: number,
  id: string,
  tally: LoadTally,
  images: Buffer[],
  dispatcher: Agent,
  { address, gallery }: LoadOptions,
): Promise<number | undefined> {
  const { method, path, type, body } = sentBy(kind, n, id, images, gallery)
  const leave = kind === 'leave' ? AbortSignal.timeout(5 + (n % 8) * 10) : undefined
  const startedAt = performance.now()
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await request(`${address}${path}`, {
      method,
      headers: { 'content-type': type },
      body,
      dispatcher,
      ...(leave && { signal: leave }),
    })
    const text = await answer.text()
    const ms = performance.now() - startedAt
    if (statusCode < 300) tally.acceptedMs.push(ms)
    else {
      tally.refusedMs.push(ms)
      const fault = faultOf(statusCode, headers['retry-after'], text)
      if (fault !== undefined && tally.faults.length < 5) tally.faults.push(fault)
    }
    return statusCode
  } catch (error) {
    if (leave?.aborted === true) tally.left += 1
    else tally.broken += 1
    if (leave === undefined && !isBroken(error)) tally.faults.push(String(error))
    return undefined
  }
}

/** Refusals are 429 `overloaded`, during shutdown 503 `shutting_down`, with a Retry-After. */
function faultOf(status: number, retryAfter: string | string[] | undefined, text: string): string | undefined {
  const { code } = JSON.parse(text) as { code: string }
  const expected = (status === 429 && code === 'overloaded') || (status === 503 && code === 'shutting_down')
  return expected && Number(retryAfter) >= 1 ? undefined : `${status} ${code}, Retry-After ${String(retryAfter)}`
}

function isBroken(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes((error as { code?: string }).code ?? '')
}

function sentBy(kind: LoadKind, n: number, id: string, images: Buffer[], gallery: string): Sent {
  const image = (offset: number) => images[(n + offset) % images.length]!
  const form = (count: number) => ({
    type: formHeaders['content-type'],
    body: formBody(
      Array.from({ length: count }, (_, i) => ({ name: 'image', filename: `${i}.jpg`, content: image(i) })),
    ),
  })
  const search = { method: 'POST', path: `/v1/galleries/${gallery}/search?k=10` } as const
  const raw = { type: 'image/jpeg', body: image(0) }
  switch (kind) {
    case 'search with four pictures':
      return { ...search, ...form(4) }
    case 'store':
      return { method: 'PUT', path: `/v1/galleries/${gallery}/images/${id}?label=load`, ...raw }
    case 'compare':
      return { method: 'POST', path: '/v1/compare', ...form(2) }
    default:
      return { ...search, ...raw }
  }
}

/** A readable line. */
export function describeTally(kind: string, { acceptedMs, refusedMs, broken, left }: LoadTally): string {
  const ms = (values: number[]) =>
    `p50 ${percentile(values, 0.5).toFixed(0)}, p99 ${percentile(values, 0.99).toFixed(0)} ms`
  return `${kind}: ${acceptedMs.length} accepted (${ms(acceptedMs)}), ${refusedMs.length} refused (${ms(refusedMs)}), ${broken} broken, ${left} left`
}
