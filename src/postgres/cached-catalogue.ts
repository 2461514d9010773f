/**
 * A catalogue that briefly caches look-ups by name: an ingestion asks for the same gallery several times per picture.
 */
import type { Catalogue, CatalogueEntry } from '../gallery/catalogue.js'
import type { Notices } from './notices.js'

/** Notices report changes by other processes; this bounds the staleness if one is missed. */
export const freshMs = 1_000
/** Maximum cached names. */
const namesMax = 10_000

export interface CachedCatalogue extends Catalogue {
  /** Drops the cached gallery unless this set serves it. */
  expectServing(name: string, setUid: string | undefined): Promise<void>
  forget(name: string): void
}

export function cachedCatalogue(catalogue: Catalogue, notices: Notices): CachedCatalogue {
  const found = new Map<string, { entry: Promise<CatalogueEntry | undefined>; until: number }>()
  notices.listen((notice) => {
    if (notice === undefined) found.clear()
    else if (notice.gallery !== undefined) found.delete(notice.gallery)
  })
  /** Own changes are visible immediately. */
  const changing = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work
    } finally {
      found.clear()
    }
  }
  return {
    find(name) {
      const known = found.get(name)
      if (known !== undefined && known.until > performance.now()) return known.entry
      const entry = catalogue.find(name)
      if (found.size >= namesMax) found.clear()
      found.set(name, { entry, until: performance.now() + freshMs })
      entry.catch(() => found.delete(name))
      return entry
    },
    async expectServing(name, setUid) {
      const known = found.get(name)
      const entry = await known?.entry.catch(() => undefined)
      if (known !== undefined && entry?.set.uid !== setUid && found.get(name) === known) found.delete(name)
    },
    forget: (name) => void found.delete(name),
    create: (entry) => changing(catalogue.create(entry)),
    change: (name, change) => changing(catalogue.change(name, change)),
    remove: (name, unmade) => changing(catalogue.remove(name, unmade)),
    serve: (setUid, about) => changing(catalogue.serve(setUid, about)),
    record: (name) => catalogue.record(name),
    list: (page) => catalogue.list(page),
    entries: (page) => catalogue.entries(page),
    sets: (galleryUid) => catalogue.sets(galleryUid),
    addSet: (set) => catalogue.addSet(set),
    changeSet: (setUid, change) => catalogue.changeSet(setUid, change),
    removeSet: (setUid) => catalogue.removeSet(setUid),
    removedSets: () => catalogue.removedSets(),
    forgetRemoved: (setUid) => catalogue.forgetRemoved(setUid),
  }
}
