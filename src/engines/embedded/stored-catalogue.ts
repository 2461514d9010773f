/** The catalogue of galleries, in the same database as their pictures. */
import { AlikeError } from '../../errors.js'
import type { Catalogue, CatalogueSet } from '../../gallery/catalogue.js'
import { entryOf, recordOf, served } from './store/gallery-row.js'
import { setOf } from './store/set-writes.js'
import type { StoreAccess } from './store/store-access.js'

export function storedCatalogue(access: StoreAccess): Catalogue {
  const { store, write, now } = access
  return {
    create: (entry) => write(() => store.write('createGallery', { ...entry, at: now() })),
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
    change: (name, change) => write(() => store.write('changeGallery', { name, change })),
    remove: (name, unmade) =>
      write(async () => {
        const place = store.read(({ galleries }) => galleries.place(name))
        if (place === undefined || place.uid !== (unmade ?? place.uid)) throw new AlikeError('gallery_not_found')
        const { uid, number: gallery } = place
        return {
          uid,
          sets: await store.write('deleteGallery', { gallery, onlyUnmade: unmade !== undefined, at: now() }),
        }
      }),
    ...setsOf(access),
  }
}

type SetVerbs = Pick<
  Catalogue,
  'sets' | 'addSet' | 'changeSet' | 'serve' | 'removeSet' | 'removedSets' | 'forgetRemoved'
>

function setsOf({ store, write, now }: StoreAccess): SetVerbs {
  return {
    sets: async (galleryUid) =>
      store.readAtOnce(({ galleries, sets }): CatalogueSet[] => {
        const gallery = galleries.ofUid(galleryUid)
        return sets.ofGallery(gallery.number).map((set) => setOf(set, gallery))
      }),
    addSet: (set) => write(() => store.write('addSet', { set, at: now() })),
    changeSet: (setUid, change) => write(() => store.write('changeSet', { setUid, change, at: now() })),
    serve: (setUid, about) => write(() => store.write('serveSet', { setUid, about, at: now() })),
    removeSet: (setUid) => write(() => store.write('removeSet', { setUid, at: now() })),
    removedSets: async () => store.read(({ removedSets }) => removedSets.all()),
    forgetRemoved: (setUid) => write(() => store.write('forgetRemoved', { setUid })),
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
