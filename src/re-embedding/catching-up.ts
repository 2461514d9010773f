/** What was noted as changed is brought to the other set. */
import type { ChangedIds } from '../gallery/changed-ids.js'
import { differingImages, goneImages } from './compared-sets.js'
import type { LostImage, SetMirror } from './set-mirror.js'

/** Pictures brought together: one write. */
export const broughtAtOnce = 48

export interface CatchingUp {
  mirror: SetMirror
  changed: Pick<ChangedIds, 'take' | 'note' | 'isEmpty'>
  signal: AbortSignal
  /** Hears of pictures that cannot be brought. */
  onLost?: ((lost: readonly LostImage[]) => void) | undefined
}

/** Some of it, or all after a comparison. What could not be brought is noted again. @throws as `SetMirror.bring` */
export async function catchUpOnce({ mirror, changed, signal, onLost }: CatchingUp): Promise<void> {
  const taken = changed.take(broughtAtOnce)
  try {
    if (taken === 'all') return await compareAll({ mirror, changed, signal, onLost })
    const { again, lost } = await mirror.bring(taken, { signal })
    changed.note(again)
    if (lost.length > 0) onLost?.(lost)
  } catch (error) {
    changed.note(taken)
    throw error
  }
}

/** Until nothing is noted. @throws as `catchUpOnce` */
export async function catchUp(catching: CatchingUp): Promise<void> {
  while (!catching.changed.isEmpty) await catchUpOnce(catching)
}

async function compareAll({ mirror, changed, signal, onLost }: CatchingUp): Promise<void> {
  for await (const { differing } of differingImages(mirror, signal))
    for (let begin = 0; begin < differing.length; begin += broughtAtOnce) {
      const ids = differing.slice(begin, begin + broughtAtOnce).map(({ id }) => id)
      const { again, lost } = await mirror.bring(ids, { signal })
      changed.note(again)
      if (lost.length > 0) onLost?.(lost)
    }
  for await (const gone of goneImages(mirror, signal)) changed.note((await mirror.bring(gone, { signal })).again)
}
