/** A gallery's decisions, applied to whichever set serves when they are written, not when they were started. */
import { AlikeError } from '../errors.js'
import type { CatalogueEntry } from './catalogue.js'
import type { DecisionStore } from './decisions.js'
import { GalleryDecisions } from './gallery-decisions.js'
import { type LocalLocks, tryHold } from './held-locks.js'
import { idOfStep } from './records.js'
import type { RoutedSets } from './routed-sets.js'
import type { Writes } from './writes.js'

/** @throws AlikeError as `RoutedSets.openEntry` does */
export async function decisionsOf(
  entry: CatalogueEntry,
  { store, routed, writes, locks }: { store: DecisionStore; routed: RoutedSets; writes: Writes; locks: LocalLocks },
): Promise<GalleryDecisions> {
  const { name, uid } = entry
  await routed.openEntry(entry)
  const set = async () => {
    const now = await routed.find(name)
    if (now.uid !== uid) throw new AlikeError('gallery_not_found')
    return routed.openEntry(now)
  }
  return new GalleryDecisions({
    galleryUid: uid,
    store,
    tryHold: (number) => {
      const key = `${uid} ${number}`
      return locks.tryHold(key, () => tryHold(writes, 'decisions', key))
    },
    set: {
      find: async (ids) => (await set()).find(ids),
      patch: (id, change) => writes.pass(name, [id], async () => (await set()).patch(id, change)),
      change: (steps) => writes.pass(name, steps.map(idOfStep), async () => (await set()).change(steps)),
    },
  })
}
