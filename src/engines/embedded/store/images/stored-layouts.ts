/** Implements the layouts interface on the store; writes in steps, so that other writes get a turn. */
import type { LayoutStore, StoredLayout } from '../../../../gallery/layout.js'
import { onceTaken } from '../../../../jobs/patience.js'
import type { GalleryStore } from '../gallery-store.js'
import type { Commit } from '../writing/store-writes.js'

/** Points per write: some milliseconds. */
const pointsAtOnce = 1_000

/** @param now the current time, ISO 8601 */
export function storedLayouts(store: GalleryStore, now: () => string): LayoutStore {
  const commit: Commit = (name, request) => onceTaken(() => store.writes.commit(name, request))
  const numberOf = (setUid: string) => store.read(({ sets }) => sets.ofUid(setUid)).number
  const aboutOf = (set: number): StoredLayout | undefined => store.read(({ layouts }) => layouts.about(set))
  const dropOthers = async (set: number, generation: number) => {
    while (await commit('dropLayoutPoints', { set, generation, limit: pointsAtOnce })) {}
  }
  return {
    async save(setUid, about, points) {
      const set = numberOf(setUid)
      const generation = (aboutOf(set)?.generation ?? 0) + 1
      // left behind by an interrupted layout
      await dropOthers(set, generation - 1)
      for (let from = 0; from < points.length; from += pointsAtOnce) {
        const request = { set, generation, from, points: points.slice(from, from + pointsAtOnce) }
        await commit('addLayoutPoints', request)
      }
      await commit('finishLayout', { set, generation, about: { ...about, madeAt: now() } })
      await dropOthers(set, generation)
    },
    about: async (setUid) => aboutOf(numberOf(setUid)),
    async page(setUid, limit, place) {
      const set = numberOf(setUid)
      return store.read(({ layouts }) => layouts.page(set, place, limit))
    },
  }
}
