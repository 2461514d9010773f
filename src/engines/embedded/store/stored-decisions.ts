/** Implements the decisions interface on the store. */
import type { DecisionStore } from '../../../gallery/decisions.js'
import type { StoreAccess } from './store-access.js'

/** @param max decisions per gallery */
export function storedDecisions({ store, now, write }: StoreAccess, max: number): DecisionStore {
  const numberOf = (galleryUid: string) => store.read(({ galleries }) => galleries.ofUid(galleryUid)).number
  return {
    add: (galleryUid, finding) =>
      write(async () => store.write('addDecision', { gallery: numberOf(galleryUid), finding, max, at: now() })),
    settle: (galleryUid, number) =>
      write(async () => store.write('settleDecision', { gallery: numberOf(galleryUid), number })),
    async page(galleryUid, after, limit, ids) {
      const gallery = numberOf(galleryUid)
      return store.read(({ decisions }) => decisions.page(gallery, after, limit, ids))
    },
    remove: (galleryUid, number) =>
      write(async () => store.write('removeDecision', { gallery: numberOf(galleryUid), number })),
    async unsettled(galleryUid) {
      const gallery = numberOf(galleryUid)
      return store.read(({ decisions }) => decisions.unsettled(gallery))
    },
  }
}
