/** Asking until something is so. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves once it is so, or at the signal. @throws what `isSo` throws */
export async function until(
  isSo: () => Promise<boolean>,
  { everyMs, signal }: { everyMs: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && !(await isSo())) await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {})
}
