/** Processes that query the service, and their combined results. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoadOrder, LoadResult, ToLoadClient } from './load-client.js'

export class LoadClients {
  readonly #processes: readonly ChildProcess[]

  /** @param jpegs query pictures */
  constructor(count: number, jpegs: readonly Buffer[]) {
    const file = fileURLToPath(new URL('./load-client.js', import.meta.url))
    this.#processes = Array.from({ length: count }, () => fork(file, { execArgv: [] }))
    const images = jpegs.map((jpeg) => jpeg.toString('base64'))
    for (const process of this.#processes) tell(process, { kind: 'pictures', jpegs: images })
  }

  /** Distributes the requested clients among the processes. */
  async load(order: LoadOrder): Promise<LoadResult> {
    const working = this.#processes.slice(0, Math.min(this.#processes.length, order.clients))
    const results = await Promise.all(
      working.map(async (process, i) => {
        const clients = Math.floor(order.clients / working.length) + (i < order.clients % working.length ? 1 : 0)
        const answer = once(process, 'message')
        tell(process, { kind: 'load', order: { ...order, clients } })
        return (await answer)[0] as LoadResult
      }),
    )
    return results.reduce(merged)
  }

  /** Ends a load without a time limit. */
  stop(): void {
    for (const process of this.#processes) tell(process, { kind: 'stop' })
  }

  close(): void {
    for (const process of this.#processes) process.disconnect()
  }
}

function tell(process: ChildProcess, message: ToLoadClient): void {
  process.send(message)
}

function merged(a: LoadResult, b: LoadResult): LoadResult {
  const refusals = { ...a.refusals }
  for (const [status, count] of Object.entries(b.refusals)) refusals[status] = (refusals[status] ?? 0) + count
  return {
    latenciesMs: [...a.latenciesMs, ...b.latenciesMs],
    embedMs: [...a.embedMs, ...b.embedMs],
    queueMs: [...a.queueMs, ...b.queueMs],
    decodeMs: [...a.decodeMs, ...b.decodeMs],
    searchMs: [...a.searchMs, ...b.searchMs],
    refusals,
  }
}
