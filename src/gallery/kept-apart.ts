/**
 * Changes that depend on what is stored. An engine applies those of one process in order; those of several processes to one
 * picture are kept apart here, also where the engine could do it.
 */
import { AlikeError, type ErrorCode } from '../errors.js'
import { nfc } from '../text.js'
import { holdSoon, tryHold } from './held-locks.js'
import type { ImageStep } from './records.js'
import type { Writes } from './writes.js'

/** Some pictures are changed within milliseconds, or within about a second where they are written one by one. */
const waitMaxMs = 10_000

/** Whether an engine without transactions would write something as it has read it. */
export function keepsStored(step: ImageStep): boolean {
  if ('patch' in step || step.onlyIf !== undefined) return true
  return 'put' in step && (step.put.label === undefined || step.put.metadata === undefined)
}

/**
 * @param changed `ids`: of the pictures whose change depends on what is stored; `ifLost`: the code if another process may have
 * changed them at the same time
 * @throws AlikeError `overloaded`, `store_unreachable`, `ifLost`; what `write` throws
 */
export async function keptApart<Result>(
  writes: Pick<Writes, 'shared'>,
  { gallery, ids, ifLost }: { gallery: string; ids: readonly string[]; ifLost: ErrorCode },
  write: () => Promise<Result>,
): Promise<Result> {
  if (ids.length === 0 || writes.shared === undefined) return write()
  const names = new Set(ids.map((id) => `${gallery}/${nfc(id)}`))
  const lock = await holdSoon(() => tryHold(writes, 'image', ...names), {
    waitMaxMs,
    detail: 'Other changes of the same pictures do not end.',
    retryAfterSeconds: 5,
  })
  const result = await write().catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  if (!(await lock.release())) throw new AlikeError(ifLost)
  return result
}
