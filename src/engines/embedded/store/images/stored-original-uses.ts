/** Answers which originals are in use, for `originals/garbage.ts`. */
import type { OriginalUses } from '../../../../originals/garbage.js'
import type { GalleryStore } from '../gallery-store.js'

export function storedOriginalUses(store: GalleryStore): OriginalUses {
  return {
    knowsAll: () => store.read(({ originals }) => originals.knowsAll()),
    released: (limit, after) => store.read(({ originals }) => originals.released(limit, after)),
    isUsed: (contentHash) => store.read(({ originals }) => originals.isUsed(contentHash)),
    isRecorded: (contentHash) => store.read(({ originals }) => originals.isRecorded(contentHash)),
    forget: (originals) => store.writes.commit('forgetOriginals', originals),
  }
}
