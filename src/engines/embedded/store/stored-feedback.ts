/** Judgements as the rest of Alike records and reads them. */
import type { FeedbackStore } from '../../../gallery/feedback.js'
import type { GalleryStore } from './gallery-store.js'

export interface StoredFeedbackOptions {
  store: GalleryStore
  /** Judgements a gallery may hold. */
  max: number
  /** Lets a write begin, or refuses it. */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

export function storedFeedback({ store, max, write }: StoredFeedbackOptions): FeedbackStore {
  return {
    record: (gallery, judgements) =>
      write(async () => store.write('recordFeedback', { gallery: store.gallery(gallery).number, judgements, max })),
    page: async (gallery, after, limit) => {
      const { number } = store.gallery(gallery)
      return store.read(({ feedback }) => feedback.page(number, after, limit))
    },
  }
}
