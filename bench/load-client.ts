/**
 * Clients that search continuously, in a separate process so that their CPU time does not count as the service's.
 * Controlled by messages from the parent, see `LoadClients`.
 */
import { Agent, request } from 'undici'

export interface LoadOrder {
  /** URL of the search. */
  url: string
  clients: number
  /** Answers before this do not count, while connections, caches and compilers warm up. */
  warmMs: number
  /** Measured time after that; 0 for until `stop`. */
  measureMs: number
  /** Pause between an answer and the same client's next query. */
  pauseMs: number
}

/** Answers within the measured time. */
export interface LoadResult {
  latenciesMs: number[]
  embedMs: number[]
  queueMs: number[]
  decodeMs: number[]
  searchMs: number[]
  /** Number of failed answers by status. */
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
          await new Promise((resolve) => setTimeout(resolve, 100)) // do not retry a dead service a thousand times a second
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
