/** Waiting: until a condition holds, or for a limited time. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves once it holds, or when the signal is aborted. @throws what `isSo` throws */
export async function until(
  isSo: () => Promise<boolean>,
  { everyMs, signal }: { everyMs: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && !(await isSo())) await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {})
}

/** Resolves when the work has ended, in whichever way, or when the time is over. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const patience = new AbortController()
  await Promise.race([work.catch(() => {}), sleep(ms, undefined, { signal: patience.signal }).catch(() => {})])
  patience.abort()
}
