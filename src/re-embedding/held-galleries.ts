/** Coordinates processes that share galleries: one at a time writes to a gallery's other set. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import { tryHold } from '../gallery/held-locks.js'
import type { HeldLock, Writes } from '../gallery/writes.js'
import { patiently } from '../jobs/patience.js'
import type { TouchedIds } from './touched-ids.js'

const retryMs = 50

/** Waits until it is free. @throws the signal's reason */
export async function holdMirror(
  writes: Pick<Writes, 'shared'>,
  gallery: string,
  signal: AbortSignal,
): Promise<HeldLock> {
  for (;;) {
    const lock = await patiently(() => tryHold(writes, 'mirror', gallery), signal)
    if (lock !== undefined) return lock
    await sleep(retryMs, undefined, { signal })
  }
}

/** If it was lost, what was applied is recorded again: this process may have written last, but not what is newest. */
export async function releaseMirror(lock: HeldLock, touched: TouchedIds, signal: AbortSignal): Promise<void> {
  if (await lock.release()) return
  const ids = touched.touched()
  const note = async () => touched.note(ids === 'all' ? ids : [...ids])
  try {
    await patiently(note, signal)
  } catch (error) {
    if (!signal.aborted) throw error
    await note() // also for a follower that is stopped: its set may be about to serve
  }
}

/** The connection that held it is gone: by now another process may have written something older to the other set. */
export function mirrorLost(): AlikeError {
  return new AlikeError('store_unreachable', { retryAfterSeconds: 5 })
}
