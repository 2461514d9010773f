/** The catalogue of galleries, in the same database as their pictures. */
import { AlikeError } from '../../../../errors.js'
import type { Catalogue, CatalogueSet } from '../../../../gallery/catalogue.js'
import type { GalleryStore } from '../gallery-store.js'
import { setOf } from './catalogue-writes.js'
import { entryOf, recordOf, served } from './gallery-row.js'

/** @param now the current time, ISO 8601 */
export function storedCatalogue(store: GalleryStore, now: () => string): Catalogue {
  const { commit } = store.writes
  return {
    create: (entry) => commit('createGallery', { ...entry, at: now() }),
    async find(name) {
      const found = store.read(({ galleries }) => galleries.find(name))
      return found && entryOf(served(found))
    },
    async record(name) {
      const found = store.read(({ galleries }) => galleries.findListed(name))
      return found && recordOf(found)
    },
    async list({ after, limit, maxLength }) {
      const found = store.read(({ galleries }) =>
        Array.from(upTo(maxLength, galleries.list(after, limit), ({ gallery }) => gallery.settings.length)),
      )
      return {
        records: found.map(recordOf),
        length: found.reduce((sum, { gallery }) => sum + gallery.settings.length, 0),
      }
    },
    entries: async ({ after, limit }) => store.read(({ galleries }) => galleries.entries(after, limit)).map(entryOf),
    change: (name, change) => commit('changeGallery', { name, change }),
    remove: (name, unprepared) =>
      store.writes.run(async (commit) => {
        const place = store.read(({ galleries }) => galleries.place(name))
        if (place === undefined || place.uid !== (unprepared ?? place.uid)) throw new AlikeError('gallery_not_found')
        const { uid, number: gallery } = place
        return {
          uid,
          sets: await commit('deleteGallery', { gallery, onlyUnprepared: unprepared !== undefined, at: now() }),
        }
      }),
    ...setsOf(store, now),
  }
}

type SetVerbs = Pick<
  Catalogue,
  'sets' | 'addSet' | 'changeSet' | 'serve' | 'removeSet' | 'removedSets' | 'forgetRemoved'
>

function setsOf(store: GalleryStore, now: () => string): SetVerbs {
  const { commit } = store.writes
  return {
    sets: async (galleryUid) =>
      store.readAtOnce(({ galleries, sets }): CatalogueSet[] => {
        const gallery = galleries.ofUid(galleryUid)
        return sets.ofGallery(gallery.number).map((set) => setOf(set, gallery))
      }),
    addSet: (set) => commit('addSet', { set, at: now() }),
    changeSet: (setUid, change) => commit('changeSet', { setUid, change, at: now() }),
    serve: (setUid, about) => commit('serveSet', { setUid, about, at: now() }),
    removeSet: (setUid) => commit('removeSet', { setUid, at: now() }),
    removedSets: async () => store.read(({ removedSets }) => removedSets.all()),
    forgetRemoved: (setUid) => commit('forgetRemoved', { setUid }),
  }
}

/** Yields at least one. */
function* upTo<Entry>(
  maxLength: number,
  entries: Iterable<Entry>,
  lengthOf: (entry: Entry) => number,
): Generator<Entry> {
  let length = 0
  for (const entry of entries) {
    if (length > 0 && length + lengthOf(entry) > maxLength) return
    length += lengthOf(entry)
    yield entry
  }
}
