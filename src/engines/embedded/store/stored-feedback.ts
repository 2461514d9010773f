/** Implements the feedback interface on the store. */
import type { FeedbackStore } from '../../../gallery/feedback.js'
import type { GalleryStore } from './gallery-store.js'

export interface StoredFeedbackOptions {
  store: GalleryStore
  /** Maximum judgements per gallery. */
  max: number
  /** Starts a write, or refuses it. */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

export function storedFeedback({ store, max, write }: StoredFeedbackOptions): FeedbackStore {
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
