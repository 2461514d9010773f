/** A catalogue that keeps look-ups by name: each search needs one, and an ingestion several for each picture. */
import type { Catalogue, CatalogueEntry } from './catalogue.js'

/** Maximum number of names kept. */
const namesMax = 1_000

export interface CachedCatalogue extends Catalogue {
  /** Drops the kept gallery unless this set serves it. */
  expectServing(name: string, setUid: string | undefined): Promise<void>
  /** To be called when a gallery, or any of them, has changed other than through this object. */
  forget(name?: string): void
}

/** @param freshMs how long a look-up is kept, where others may change galleries; default for ever */
export function cachedCatalogue(catalogue: Catalogue, freshMs = Infinity): CachedCatalogue {
  const found = new Map<string, { entry: Promise<CatalogueEntry | undefined>; until: number }>()
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
    forget: (name) => void (name === undefined ? found.clear() : found.delete(name)),
    create: (entry) => changing(catalogue.create(entry)),
    change: (name, change) => changing(catalogue.change(name, change)),
    remove: (name, unprepared) => changing(catalogue.remove(name, unprepared)),
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
