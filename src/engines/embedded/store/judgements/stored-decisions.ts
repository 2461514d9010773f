/** Implements the decisions interface on the store. */
import type { DecisionStore } from '../../../../gallery/decisions.js'
import type { GalleryStore } from '../gallery-store.js'

/**
 * @param now the current time, ISO 8601
 * @param max decisions per gallery
 */
export function storedDecisions(store: GalleryStore, now: () => string, max: number): DecisionStore {
  const numberOf = (galleryUid: string) => store.read(({ galleries }) => galleries.ofUid(galleryUid)).number
  return {
    add: (galleryUid, finding) =>
      store.writes.run(async (commit) =>
        commit('addDecision', { gallery: numberOf(galleryUid), finding, max, at: now() }),
      ),
    settle: (galleryUid, number) =>
      store.writes.run(async (commit) => commit('settleDecision', { gallery: numberOf(galleryUid), number })),
    async page(galleryUid, after, limit, ids) {
      const gallery = numberOf(galleryUid)
      return store.read(({ decisions }) => decisions.page(gallery, after, limit, ids))
    },
    remove: (galleryUid, number) =>
      store.writes.run(async (commit) => commit('removeDecision', { gallery: numberOf(galleryUid), number })),
    async unsettled(galleryUid) {
      const gallery = numberOf(galleryUid)
      return store.read(({ decisions }) => decisions.unsettled(gallery))
    },
  }
}
