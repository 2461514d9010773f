/** Applies recorded changes to the other set. */
import type { Changes } from '../gallery/changes.js'
import type { HeldLock } from '../gallery/writes.js'
import { differingImages, goneImages } from './compared-sets.js'
import type { LostImage, SetMirror } from './set-mirror.js'

/** Pictures per write. */
export const broughtAtOnce = 48

export interface CatchingUp {
  mirror: SetMirror
  changed: Pick<Changes, 'take' | 'note' | 'isEmpty'>
  signal: AbortSignal
  /** See `SetMirror.bring`. */
  lock: Pick<HeldLock, 'isHeld'>
  /** Receives pictures that cannot be applied. */
  onLost?: ((lost: readonly LostImage[]) => void) | undefined
}

/**
 * Applies some recorded changes, or everything after a comparison. Failed ones are recorded again.
 * @throws as `SetMirror.bring` does
 */
export async function catchUpOnce(catching: CatchingUp): Promise<void> {
  const { ids, done, undo } = await catching.changed.take(broughtAtOnce)
  try {
    if (ids === 'all') await compareAll(catching)
    else await bring(ids, catching)
    await done()
  } catch (error) {
    undo()
    throw error
  }
}

/** Repeats until nothing is recorded. @throws as `catchUpOnce` does */
export async function catchUp(catching: CatchingUp): Promise<void> {
  while (!(await catching.changed.isEmpty())) await catchUpOnce(catching)
}

async function compareAll(catching: CatchingUp): Promise<void> {
  const { mirror, signal } = catching
  for await (const { differing } of differingImages(mirror, signal))
    for (let begin = 0; begin < differing.length; begin += broughtAtOnce) {
      const ids = differing.slice(begin, begin + broughtAtOnce).map(({ id }) => id)
      await bring(ids, catching)
    }
  for await (const gone of goneImages(mirror, signal)) await bring(gone, catching)
}

async function bring(ids: readonly string[], { mirror, changed, signal, lock, onLost }: CatchingUp): Promise<void> {
  const { again, lost } = await mirror.bring(ids, { signal, lock })
  if (again.length > 0) await changed.note(again)
  if (lost.length > 0) onLost?.(lost)
}
