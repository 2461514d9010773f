/** Coordinates processes that share galleries: one at a time writes to a gallery's other set. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Held, Writes } from '../gallery/writes.js'
import { patiently } from '../jobs/patience.js'

/** Returns false if it was lost: another process may have written to the set since. */
export type GiveBack = () => Promise<boolean>

const retryMs = 50

/**
 * @returns the function that releases it; undefined if another process holds it
 * @throws AlikeError `store_unreachable`
 */
export async function tryHold(
  writes: Pick<Writes, 'shared'>,
  what: Held,
  gallery: string,
): Promise<GiveBack | undefined> {
  return writes.shared === undefined ? async () => true : writes.shared.hold(what, gallery)
}

/** Waits until it is free. @throws the signal's reason */
export async function holdMirror(
  writes: Pick<Writes, 'shared'>,
  gallery: string,
  signal: AbortSignal,
): Promise<GiveBack> {
  for (;;) {
    const giveBack = await patiently(() => tryHold(writes, 'mirror', gallery), signal)
    if (giveBack !== undefined) return giveBack
    await sleep(retryMs, undefined, { signal })
  }
}
