/** Layouts as the rest of Alike keeps and reads them: written in steps so that other writes get their turns. */
import type { LayoutStore, StoredLayout } from '../../../gallery/layout.js'
import type { GalleryStore } from './gallery-store.js'

export interface StoredLayoutsOptions {
  store: GalleryStore
  /** The time, ISO 8601. */
  now(): string
  /** Lets a write begin, or refuses it. */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

/** Points of one write: some milliseconds. */
const pointsAtOnce = 1_000

export function storedLayouts({ store, now, write }: StoredLayoutsOptions): LayoutStore {
  const numberOf = (setUid: string) => store.read(({ galleries }) => galleries.ofUid(setUid)).number
  const aboutOf = (gallery: number): StoredLayout | undefined => store.read(({ layouts }) => layouts.about(gallery))
  const dropOthers = async (gallery: number, generation: number) => {
    while (await write(() => store.write('dropLayoutPoints', { gallery, generation, limit: pointsAtOnce }))) {}
  }
  return {
    async save(setUid, about, points) {
      const gallery = numberOf(setUid)
      const generation = (aboutOf(gallery)?.generation ?? 0) + 1
      // what an interrupted one has left
      await dropOthers(gallery, generation - 1)
      for (let from = 0; from < points.length; from += pointsAtOnce) {
        const request = { gallery, generation, from, points: points.slice(from, from + pointsAtOnce) }
        await write(() => store.write('addLayoutPoints', request))
      }
      await write(() => store.write('finishLayout', { gallery, generation, about: { ...about, madeAt: now() } }))
      await dropOthers(gallery, generation)
    },
    about: async (setUid) => aboutOf(numberOf(setUid)),
    async page(setUid, limit, place) {
      const gallery = numberOf(setUid)
      return store.read(({ layouts }) => layouts.page(gallery, place, limit))
    },
  }
}
