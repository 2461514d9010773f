/** The catalogue of galleries, in the same database as their pictures. */
import { AlikeError } from '../../errors.js'
import type { Catalogue } from '../../gallery/catalogue.js'
import type { BoundedWrites } from './bounded-writes.js'
import type { GalleryStore } from './store/gallery-store.js'
import { entryOf, recordOf } from './store/gallery-table.js'

export interface StoredCatalogueOptions {
  store: GalleryStore
  writes: BoundedWrites
  /** The time, ISO 8601. */
  now(): string
}

export function storedCatalogue({ store, writes, now }: StoredCatalogueOptions): Catalogue {
  return {
    create: (entry) => writes.run(() => store.write('createGallery', { ...entry, at: now() })),
    async find(name) {
      const row = store.read(({ galleries }) => galleries.find(name))
      return row && entryOf(row)
    },
    async record(name) {
      const row = store.read(({ galleries }) => galleries.findListed(name))
      return row && recordOf(row)
    },
    async list({ after, limit, maxLength }) {
      const rows = store.read(({ galleries }) =>
        Array.from(upTo(maxLength, galleries.list(after, limit), ({ settings }) => settings.length)),
      )
      return { records: rows.map(recordOf), length: rows.reduce((sum, { settings }) => sum + settings.length, 0) }
    },
    entries: async ({ after, limit }) => store.read(({ galleries }) => galleries.entries(after, limit)).map(entryOf),
    remove: (name) =>
      writes.run(async () => {
        const place = store.read(({ galleries }) => galleries.place(name))
        if (place === undefined) throw new AlikeError('gallery_not_found')
        const { number, uid, engine } = place
        await store.write('deleteGallery', { gallery: number, at: now() })
        return { uid, engine }
      }),
  }
}

/** One at least. */
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
