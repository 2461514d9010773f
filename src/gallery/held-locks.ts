/** Locks among the processes that share galleries, and in one that shares them with nobody. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'
import type { Held, HeldLock, Writes } from './writes.js'

const retryMs = 50

/** Of galleries that no other process shares. */
const ours: HeldLock = { isHeld: async () => true, release: async () => true }

/** All of them or none. @returns undefined if one of them is held already @throws AlikeError `store_unreachable` */
export async function tryHold(
  { shared }: Pick<Writes, 'shared'>,
  what: Held,
  ...names: string[]
): Promise<HeldLock | undefined> {
  return shared === undefined ? ours : shared.hold(what, ...names)
}

/** Locks among callers in this process, which `tryHold` alone keeps apart only if processes share galleries. */
export class LocalLocks {
  readonly #held = new Set<string>()

  /**
   * @param beside takes a lock among processes
   * @returns undefined if another caller or process holds it
   * @throws what `beside` does
   */
  async tryHold(key: string, beside: () => Promise<HeldLock | undefined>): Promise<HeldLock | undefined> {
    if (this.#held.has(key)) return undefined
    this.#held.add(key)
    let lock: HeldLock | undefined
    try {
      lock = await beside()
    } finally {
      if (lock === undefined) this.#held.delete(key)
    }
    if (lock === undefined) return undefined
    const { isHeld, release } = lock
    return { isHeld, release: () => release().finally(() => this.#held.delete(key)) }
  }
}

/**
 * Tries to hold it until it is free.
 * @param refusal of one that is still held after `waitMaxMs`
 * @throws AlikeError `overloaded`, and what `attempt` throws
 */
export async function holdSoon(
  attempt: () => Promise<HeldLock | undefined>,
  { waitMaxMs, ...refusal }: { waitMaxMs: number; detail: string; retryAfterSeconds: number },
): Promise<HeldLock> {
  for (const deadline = performance.now() + waitMaxMs; performance.now() < deadline; await sleep(retryMs)) {
    const lock = await attempt()
    if (lock !== undefined) return lock
  }
  throw new AlikeError('overloaded', refusal)
}
