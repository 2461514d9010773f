/** Implements the feedback interface on the store. */
import type { FeedbackStore } from '../../../gallery/feedback.js'
import type { StoreAccess } from './store-access.js'

/** @param max judgements per gallery */
export function storedFeedback({ store, write }: StoreAccess, max: number): FeedbackStore {
  const numberOf = (galleryUid: string) => store.read(({ galleries }) => galleries.ofUid(galleryUid)).number
  return {
    record: (galleryUid, judged) =>
      write(async () => store.write('recordFeedback', { gallery: numberOf(galleryUid), judged, max })),
    async page(galleryUid, after, limit, filter) {
      const gallery = numberOf(galleryUid)
      return store.read(({ feedback }) => feedback.page(gallery, after, limit, filter))
    },
  }
}
