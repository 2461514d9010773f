/** Implements the feedback interface on the store. */
import type { FeedbackStore } from '../../../../gallery/feedback.js'
import type { GalleryStore } from '../gallery-store.js'

/** @param max judgements per gallery */
export function storedFeedback(store: GalleryStore, max: number): FeedbackStore {
  const numberOf = (galleryUid: string) => store.read(({ galleries }) => galleries.ofUid(galleryUid)).number
  return {
    record: (galleryUid, judged) =>
      store.writes.run(async (commit) => commit('recordFeedback', { gallery: numberOf(galleryUid), judged, max })),
    async page(galleryUid, after, limit, filter) {
      const gallery = numberOf(galleryUid)
      return store.read(({ feedback }) => feedback.page(gallery, after, limit, filter))
    },
  }
}
