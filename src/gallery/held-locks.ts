/** Locks among the processes that share galleries, and in one that shares them with nobody. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { Held, HeldLock, Writes } from './writes.js'

const retryMs = 50
const waitsMaxMs = 10_000

/** Of galleries that no other process shares. */
const ours: HeldLock = { isHeld: async () => true, release: async () => true }

/** @returns undefined if another process holds it @throws AlikeError `store_unreachable` */
export async function tryHold(
  { shared }: Pick<Writes, 'shared'>,
  what: Held,
  gallery: string,
): Promise<HeldLock | undefined> {
  return shared === undefined ? ours : shared.hold(what, gallery)
}

/** Waits until it is free. @throws AlikeError `overloaded` if that takes more than 10 s, `store_unreachable` */
export async function holdSoon(writes: Pick<Writes, 'shared'>, what: Held, gallery: string): Promise<HeldLock> {
  for (const deadline = performance.now() + waitsMaxMs; performance.now() < deadline; await sleep(retryMs)) {
    const lock = await tryHold(writes, what, gallery)
    if (lock !== undefined) return lock
  }
  throw new AlikeError('overloaded', { detail: 'Another process is changing the gallery.', retryAfterSeconds: 2 })
}
