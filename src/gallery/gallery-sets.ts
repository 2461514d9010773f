/** The embedding sets of galleries: the serving one, another one, and switching between them. */
import { AlikeError, hasCode } from '../errors.js'
import { changeAdvancing } from './advancing-changes.js'
import { type Catalogue, type CatalogueSet, type NewCatalogueSet, newUid, type SetChange } from './catalogue.js'
import type { EmbeddingSet, OpenSet, SetState, StorageWishes } from './engine.js'
import { GalleryLayout } from './gallery-layout.js'
import { allEntries } from './gallery-list.js'
import type { GalleryReadings } from './gallery-readings.js'
import type { JobProgress, ProgressKeeper } from './job-progress.js'
import type { KeptRankings } from './kept-rankings.js'
import type { LayoutStore } from './layout.js'
import { finishPreparing, prepareStorage } from './prepared-sets.js'
import type { ImageStep, StepResult } from './records.js'
import type { RoutedSets } from './routed-sets.js'
import type { Serving } from './serving.js'
import type { Writes } from './writes.js'

/** One of a gallery's sets, and its state. */
export interface GallerySet extends CatalogueSet {
  reading: SetState
}

interface GallerySetsParts {
  routed: RoutedSets
  readings: GalleryReadings
  writes: Writes
  progress: ProgressKeeper
  rankings: KeptRankings
  layouts: LayoutStore
}

/** Maximum wait for writes in progress before a gallery gets another set. */
const closedMaxMs = 10_000

/** Calls that name a gallery reject with `gallery_not_found`. */
export class GallerySets {
  readonly #routed: RoutedSets
  readonly #readings: GalleryReadings
  readonly #writes: Writes
  readonly #progress: ProgressKeeper
  readonly #rankings: KeptRankings
  readonly #layouts: LayoutStore

  constructor({ routed, readings, writes, progress, rankings, layouts }: GallerySetsParts) {
    this.#routed = routed
    this.#readings = readings
    this.#writes = writes
    this.#progress = progress
    this.#rankings = rankings
    this.#layouts = layouts
  }

  /** The serving set. */
  async serving(gallery: string): Promise<EmbeddingSet> {
    return this.#routed.stated(await this.#routed.find(gallery))
  }

  /**
   * Prepares it if its creator died before it had.
   * @returns whether no other process can reach the serving set
   * @throws AlikeError as `finishPreparing` does
   */
  async finishPreparing(gallery: string): Promise<{ isOnlyHere: boolean }> {
    const entry = await this.#routed.find(gallery)
    await finishPreparing(entry, this.#routed, this.#writes.shared)
    return { isOnlyHere: this.#routed.engines[entry.engine]?.has?.(entry.set) ?? false }
  }

  /** The same for a copy in an engine; undefined: this process has yet to make it. */
  isCopyOnlyHere(engine: string, copy: Pick<CatalogueSet, 'uid'> | undefined): boolean {
    const { has } = this.#routed.engineOf(engine)
    return has !== undefined && (copy === undefined || has(copy))
  }

  /** In order of creation; one of them serves. */
  async list(gallery: string): Promise<GallerySet[]> {
    const sets = await this.#routed.catalogue.sets((await this.#routed.find(gallery)).uid)
    const read = async (set: CatalogueSet) => ({
      ...set,
      reading: await this.#readings.stateOf({ ...set, name: gallery, set }),
    })
    return Promise.all(sets.map(read))
  }

  /** The two-dimensional layout of the serving set, if it has been computed. */
  async layout(gallery: string): Promise<GalleryLayout> {
    const entry = await this.#routed.find(gallery)
    const set = await this.#routed.openEntry(entry)
    return new GalleryLayout({ setUid: entry.set.uid, store: this.#layouts, set })
  }

  /** The same for the set that answers a request, even if another one serves by now. */
  layoutOf({ setUids: [setUid], examples }: Serving): GalleryLayout {
    return new GalleryLayout({ setUid: setUid!, store: this.#layouts, set: examples })
  }

  /** For all galleries with more than one set. */
  async beside(): Promise<{ gallery: string; beside: CatalogueSet[] }[]> {
    const found: { gallery: string; beside: CatalogueSet[] }[] = []
    for await (const { name, uid } of allEntries(this.#routed.catalogue)) {
      const sets = await unlessLost(this.#routed.catalogue.sets(uid), [])
      const beside = sets.filter(({ stage }) => stage !== 'serving')
      if (beside.length > 0) found.push({ gallery: name, beside })
    }
    return found
  }

  /** A gallery that has a set of this model. */
  async userOf(modelId: string): Promise<string | undefined> {
    for await (const { name, set } of allEntries(this.#routed.catalogue)) if (set.modelId === modelId) return name
    return (await this.beside()).find(({ beside }) => beside.some((set) => set.modelId === modelId))?.gallery
  }

  /** @throws AlikeError `gallery_not_found` if it was deleted, `data_unreadable` */
  open(set: Omit<CatalogueSet, 'stage'>): Promise<OpenSet> {
    return this.#routed.openSet(set)
  }

  /**
   * Creates an empty set, in the engine of the serving one.
   * @throws AlikeError `set_exists`, `model_not_found`, `gallery_elsewhere`, `storage_full`, `overloaded`
   */
  async add(gallery: string, model: string, about: CatalogueSet['about']): Promise<CatalogueSet> {
    const { id: modelId, dimension } = this.#routed.models.get(model)
    const entry = await this.#routed.find(gallery)
    const { uid: galleryUid, engine, set } = entry
    if (set.modelId === modelId) throw new AlikeError('set_exists', { detail: 'This model serves the gallery.' })
    await this.#routed.openEntry(entry) // both sets belong in the same place
    const added = await this.#added(gallery, { uid: newUid(), galleryUid, engine, modelId, dimension, about })
    await this.prepare(added)
    return added
  }

  /**
   * Creates an empty copy of the serving set in another engine, where it has yet to be prepared.
   * @throws AlikeError `set_exists`, `storage_full`, `overloaded`
   */
  async addCopy(gallery: string, engine: string): Promise<CatalogueSet> {
    const { uid: galleryUid, set } = await this.#routed.find(gallery)
    const { modelId, dimension } = set
    return this.#added(gallery, { uid: newUid(), galleryUid, engine, modelId, dimension, about: {} })
  }

  /**
   * Waits until no write is in progress, because such a write would not know the new set.
   * @throws AlikeError `overloaded` if they do not finish
   */
  async #added(gallery: string, set: NewCatalogueSet): Promise<CatalogueSet> {
    const { catalogue } = this.#routed
    const signal = AbortSignal.timeout(closedMaxMs)
    try {
      return await this.#writes.whileClosed(gallery, () => catalogue.addSet(set), signal)
    } catch (cause) {
      throw cause === signal.reason ? new AlikeError('overloaded', { cause, retryAfterSeconds: 10 }) : cause
    }
  }

  /** @throws AlikeError `engine_not_found` */
  expectEngine(name: string): void {
    this.#routed.expectEngine(name)
  }

  /** Prepares its storage, unless that has been done before. @throws AlikeError as `prepareStorage` does */
  prepare(set: CatalogueSet, wishes: StorageWishes = {}): Promise<void> {
    return prepareStorage(set, this.#routed, wishes)
  }

  /** @throws AlikeError `set_not_found`, `storage_full`, `overloaded` */
  change(setUid: string, change: SetChange): Promise<CatalogueSet> {
    return this.#routed.catalogue.changeSet(setUid, change)
  }

  /**
   * Writes to a set that does not serve.
   * @throws AlikeError `set_in_use` once it serves; as `change` of an open set
   */
  async changeImages(set: CatalogueSet, steps: readonly ImageStep[], progress?: JobProgress): Promise<StepResult[]> {
    const sets = await this.#routed.catalogue.sets(set.galleryUid)
    // writes acknowledged there by now are newer than the data read for this change
    if (sets.some(({ uid, stage }) => uid === set.uid && stage === 'serving')) throw new AlikeError('set_in_use')
    return changeAdvancing(this.#progress, { engine: set.engine, opened: await this.open(set) }, steps, progress)
  }

  /**
   * Searches in progress in it fail, and the pages of its rankings expire.
   * @throws AlikeError `set_in_use`, `storage_full`, `overloaded`
   */
  async remove(gallery: string, { uid, engine }: Pick<CatalogueSet, 'uid' | 'engine'>): Promise<void> {
    await this.#routed.catalogue.removeSet(uid)
    this.#writes.unfollow(gallery, this.#writes.follow(gallery, uid))
    this.#rankings.forgetSet(uid)
    await this.#routed.engines[engine]?.drop({ uid })
  }

  /**
   * Switches to another set, in one write; searches in progress finish with the set they began with. No write of the
   * gallery is in progress while `catchUp` applies the remaining changes.
   * @param about of the previous set
   * @param signal ends the wait for writes in progress
   * @throws AlikeError `set_not_found`, `storage_full`, `overloaded`; what `catchUp` throws; the signal's reason.
   * Nothing has changed then
   */
  serve(
    gallery: string,
    setUid: string,
    { about, catchUp, signal }: { about: CatalogueSet['about']; catchUp: () => Promise<void>; signal?: AbortSignal },
  ): Promise<void> {
    const exchange = async (serve: Catalogue['serve']) => {
      await catchUp()
      await serve(setUid, about)
    }
    return this.#writes.whileClosed(gallery, exchange, signal)
  }
}

/** @param otherwise if the gallery is gone, or its record is damaged */
async function unlessLost<Result>(reading: Promise<Result>, otherwise: Result): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    if (hasCode(error, 'gallery_not_found', 'data_unreadable')) return otherwise
    throw error
  }
}
