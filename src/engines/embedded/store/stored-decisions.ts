/** Implements the decisions interface on the store. */
import type { DecisionStore } from '../../../gallery/decisions.js'
import type { GalleryStore } from './gallery-store.js'

export interface StoredDecisionsOptions {
  store: GalleryStore
  /** Maximum decisions per gallery. */
  max: number
  /** The current time, ISO 8601. */
  now(): string
  /** Starts a write, or refuses it. */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

export function storedDecisions({ store, max, now, write }: StoredDecisionsOptions): DecisionStore {
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
