/**
 * Clients that search without pause, in a process of their own, so that what they take is not the service's. Told what to
 * do by messages of the parent, see `LoadClients`.
 */
import { Agent, request } from 'undici'

export interface LoadOrder {
  /** Of the search. */
  url: string
  clients: number
  /** Until then answers do not count: connections, caches and compilers warm up. */
  warmMs: number
  /** Measured after that; 0 until `stop`. */
  measureMs: number
  /** Between an answer and the next question of the same client. */
  pauseMs: number
}

/** Answers in the measured time. */
export interface LoadResult {
  latenciesMs: number[]
  embedMs: number[]
  queueMs: number[]
  decodeMs: number[]
  searchMs: number[]
  /** Status of each answer that was no result. */
  refusals: Record<string, number>
}

export type ToLoadClient = { kind: 'pictures'; jpegs: string[] } | { kind: 'load'; order: LoadOrder } | { kind: 'stop' }

let images: Buffer[] = []
let stopped = false

process.on('message', (message: ToLoadClient) => {
  if (message.kind === 'pictures') images = message.jpegs.map((jpeg) => Buffer.from(jpeg, 'base64'))
  else if (message.kind === 'stop') stopped = true
  else void load(message.order).then((result) => process.send?.(result))
})

async function load({ url, clients, warmMs, measureMs, pauseMs }: LoadOrder): Promise<LoadResult> {
  stopped = false
  const result: LoadResult = { latenciesMs: [], embedMs: [], queueMs: [], decodeMs: [], searchMs: [], refusals: {} }
  const dispatcher = new Agent({ connections: clients })
  const startedAt = performance.now()
  const endAt = measureMs === 0 ? Infinity : startedAt + warmMs + measureMs
  let asked = process.pid
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (!stopped && performance.now() < endAt) {
        const askedAt = performance.now()
        const counts = askedAt >= startedAt + warmMs
        try {
          const { statusCode, body } = await request(url, {
            method: 'POST',
            headers: { 'content-type': 'image/jpeg' },
            body: images[asked++ % images.length]!,
            dispatcher,
          })
          const answer = (await body.json()) as { durations?: Record<string, number> }
          const endedAt = performance.now()
          if (counts && endedAt <= endAt) count(result, statusCode, endedAt - askedAt, answer.durations)
        } catch (error) {
          count(result, (error as { code?: string }).code ?? String(error), 0, undefined)
          await new Promise((resolve) => setTimeout(resolve, 100)) // a service that is gone is not asked a thousand times a second
        }
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }),
  )
  await dispatcher.close()
  return result
}

function count(
  result: LoadResult,
  status: number | string,
  ms: number,
  durations: Record<string, number> | undefined,
): void {
  if (status !== 200 || durations === undefined) {
    result.refusals[String(status)] = (result.refusals[String(status)] ?? 0) + 1
    return
  }
  result.latenciesMs.push(ms)
  for (const stage of ['embedMs', 'queueMs', 'decodeMs', 'searchMs'] as const)
    result[stage].push(durations[stage] ?? Number.NaN)
}
