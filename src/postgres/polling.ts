/** Polls until a condition holds. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves once it holds, or when the signal is aborted. @throws what `isSo` throws */
export async function until(
  isSo: () => Promise<boolean>,
  { everyMs, signal }: { everyMs: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && !(await isSo())) await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {})
}
