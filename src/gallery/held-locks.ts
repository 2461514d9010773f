/** Locks among the processes that share galleries, and in one that shares them with nobody. */
import type { Held, HeldLock, Writes } from './writes.js'

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
