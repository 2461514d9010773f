/** Waits for what an analysis needs before it queries the index or compares copies, unless its job is stopped first. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenScan } from '../gallery/scan.js'
import type { Serving } from '../gallery/serving.js'

/** If a larger share of the gallery is not yet in the graph, querying the index would delay searches. */
const pendingShareMax = 0.1
const waitMs = 500

/** @throws the signal's reason */
export async function untilLinked(scan: OpenScan, { examples }: Serving, signal: AbortSignal): Promise<void> {
  for (;;) {
    // requests nothing but refreshes the state
    await scan.neighbours({ numbers: new Uint32Array(0), k: 1 })
    const { pending, size } = await examples.state()
    if (pending <= size * pendingShareMax) return
    await sleep(waitMs, undefined, { signal })
  }
}

/** @throws the signal's reason */
export async function untilSettled(work: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted() // it is not aborted again
  const waiting = new AbortController()
  const stopped = once(signal, 'abort', { signal: waiting.signal }).catch(() => {})
  await Promise.race([work, stopped])
  waiting.abort()
  signal.throwIfAborted()
}
