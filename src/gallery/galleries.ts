/**
 * Every gallery by its name: the catalogue says in which engine it lives, and what is asked of it is asked of its set there.
 * What an engine acknowledges is durable and found by the next search. Longer than most files because it is the one list of
 * everything that others may ask of storage.
 */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { AlikeError, type ErrorCode } from '../errors.js'
import { nextTurn } from '../turns.js'
import type { Catalogue, CatalogueEntry, CatalogueRecord, CatalogueSet, SetChange } from './catalogue.js'
import { ChangedIds } from './changed-ids.js'
import type { DecisionStore } from './decisions.js'
import type {
  EmbeddingSet,
  Engine,
  OpenSet,
  PageOfImages,
  SetState,
  StorageWishes,
  StoredThumbnail,
  UndescribedPage,
} from './engine.js'
import type { FeedbackStore } from './feedback.js'
import type { GalleryFields } from './fields.js'
import type { Filter } from './filter.js'
import { GalleryDecisions } from './gallery-decisions.js'
import { GalleryFeedback } from './gallery-feedback.js'
import { GalleryLayout } from './gallery-layout.js'
import { type GallerySearch, type GallerySearchResult, Ranking, searchGallery } from './gallery-search.js'
import { cursorAfter } from './image-cursor.js'
import { countsOf, type JobProgress, type ProgressKeeper } from './job-progress.js'
import { JoinedSets, type NamedSet } from './joined-sets.js'
import { KeptRankings, type KeptRankingsSettings, keptRankingsDefaults } from './kept-rankings.js'
import type { LayoutStore } from './layout.js'
import { makeRoom } from './made-sets.js'
import type {
  GalleryRecord,
  ImageChange,
  ImagePage,
  ImageRecord,
  ImageStep,
  LabelCount,
  Metadata,
  NewImage,
  PutResult,
  PutStep,
  SeenImage,
  StepResult,
  StoredImage,
} from './records.js'
import type { OpenScan } from './scan.js'
import type { ServableModels } from './servable-models.js'
import type { Serving } from './serving.js'
import { expectUnitVector } from './unit-vector.js'
import { WriteGates } from './write-gates.js'

export type { GallerySearch, GallerySearchResult, Hit, HitGroup } from './gallery-search.js'

export interface GalleriesOptions {
  catalogue: Catalogue
  /** By the names that galleries know them by. Closed with the galleries. */
  engines: Readonly<Record<string, Engine>>
  /** Name of the engine that new galleries live in. */
  engineOfNew: string
  progress: ProgressKeeper
  feedback: FeedbackStore
  decisions: DecisionStore
  layouts: LayoutStore
  /** Those that are served. */
  models: ServableModels
  limits?: Partial<GalleriesLimits> | undefined
  /** Of rankings whose pages are still to come. */
  pages?: Partial<KeptRankingsSettings> | undefined
  /** Called for each of them that is given up, for a metric. */
  onRankingDrop?: ((reason: 'expired' | 'displaced') => void) | undefined
}

export interface GalleriesLimits {
  /** Galleries there may be; one more is refused as `galleries_full`. */
  galleriesMax: number
  /** Characters of the records on one page of a list. One record is listed whatever its length. */
  pageMaxLength: number
  /** Changed pictures of a gallery that wait to be brought to its other set; beyond them the sets are compared as a whole. */
  changedMax: number
}

const limitsDefault: Readonly<GalleriesLimits> = Object.freeze({
  galleriesMax: 10_000,
  pageMaxLength: 4 * 2 ** 20,
  changedMax: 100_000,
})

export interface NewGalleryOptions extends StorageWishes {
  /** Id or name of the model that is to serve it; left out: the standard one, or what serves it already. */
  model?: string | undefined
  /** Name of the engine it is to live in; left out: that of new galleries, or where it lives already. */
  engine?: string | undefined
}

/** A search whose further pages may be asked for by token. */
export interface PagedSearch extends Omit<GallerySearch, 'signal'> {
  /** Who may ask for them. */
  caller: string
  /** Hits or groups that all pages together show at most. */
  reach: number
}

/** One page of a ranking, with the token of the next where there is one. */
export type SearchPage = GallerySearchResult & { nextPageToken?: string | undefined }

/** One of a gallery's sets, and how it is. */
export interface GallerySet extends CatalogueSet {
  reading: SetState
}

/** One line for metrics and for `GET /v1/galleries`. */
export interface GalleryReading extends SetState {
  gallery: string
  /** False while the gallery's model is not served. */
  searchable: boolean
}

const noState: SetState = {
  images: 0,
  size: 0,
  unfindable: 0,
  tombstones: 0,
  pending: 0,
  building: false,
  rebuilds: 0,
}
/** Perhaps damaged. */
type ListedEntry = CatalogueEntry & { unreadable?: 'record' | undefined }

/** Characters of records that are read for a list before others have their turn: some milliseconds. */
const lengthOfTurn = 128 * 1024
/** Galleries whose states are read before others have their turn: a few milliseconds. */
const statesPerTurn = 100
/** Its engine is away, or does not have it any more. */
const unservedCodes: readonly ErrorCode[] = [
  'engine_unreachable',
  'engine_version_refused',
  'engine_setting_refused',
  'gallery_lost',
]
/** Galleries read at once when all are opened. */
const openedAtOnce = 1_000

/** Calls that name a gallery reject with `gallery_not_found`. */
export class Galleries {
  readonly #options: GalleriesOptions
  readonly #limits: GalleriesLimits
  readonly #rankings: KeptRankings
  readonly #gates = new WriteGates()
  /** By the name of a gallery that has another set. */
  readonly #followed = new Map<string, ChangedIds>()

  private constructor(options: GalleriesOptions) {
    this.#options = options
    this.#limits = { ...limitsDefault, ...options.limits }
    this.#rankings = new KeptRankings({
      ...keptRankingsDefaults,
      ...options.pages,
      now: () => performance.now(),
      onDrop: (reason) => options.onRankingDrop?.(reason),
    })
  }

  /** With the sets of the served models opened, one after the other. The engines are closed when one can not be. */
  static async open(options: GalleriesOptions): Promise<Galleries> {
    const galleries = new Galleries(options)
    try {
      await galleries.#openReady()
      return galleries
    } catch (error) {
      await galleries.close()
      throw error
    }
  }

  /** Set once an engine can not go on: the process should be restarted. */
  get failure(): AlikeError | undefined {
    return this.#engines.find(({ failure }) => failure !== undefined)?.failure
  }

  /** Why nothing can be written for now, in a sentence; undefined when writes are taken. */
  get readOnly(): string | undefined {
    return this.#engines.find(({ readOnly }) => readOnly !== undefined)?.readOnly
  }

  /** Names of the engines whose galleries can not be reached for now, and why. */
  get unreachable(): { engine: string; detail: string }[] {
    return Object.entries(this.#options.engines).flatMap(([engine, { unreachable: detail }]) =>
      detail === undefined ? [] : { engine, detail },
    )
  }

  /** Names of all engines. */
  get engineNames(): string[] {
    return Object.keys(this.#options.engines)
  }

  /** Rankings whose pages are still to come, and their memory in bytes. */
  get keptRankings(): { count: number; bytes: number } {
    const { count, bytes } = this.#rankings
    return { count, bytes }
  }

  /**
   * @throws AlikeError `gallery_exists` when it exists with other settings, for another model or elsewhere, `model_not_found`,
   * `engine_not_found`, `engine_unsupported`, `engine_unreachable`, `galleries_full`, `gallery_lost`
   */
  async create(
    name: string,
    settings?: Metadata,
    { model: asked, engine, ...wishes }: NewGalleryOptions = {},
  ): Promise<{ gallery: GalleryRecord; created: boolean }> {
    const { catalogue, models, engineOfNew, engines } = this.#options
    const model = asked === undefined ? models.standard : models.get(asked)
    if (engine !== undefined && !Object.hasOwn(engines, engine))
      throw new AlikeError('engine_not_found', { detail: `There are: ${Object.keys(engines).join(', ')}.` })
    const { gallery, created } = await catalogue.create({
      name,
      uid: newUid(),
      setUid: newUid(),
      engine: engine ?? engineOfNew,
      modelId: model.id,
      dimension: model.dimension,
      settings: settings ?? {},
      galleriesMax: this.#limits.galleriesMax,
    })
    if (gallery.set.modelId !== model.id && (asked !== undefined || !models.has(gallery.set.modelId)))
      throw new AlikeError('gallery_exists', { detail: 'It belongs to another model.' })
    if (settings !== undefined && !isDeepStrictEqual(gallery.settings, settings)) throw new AlikeError('gallery_exists')
    if (engine !== undefined && gallery.engine !== engine)
      throw new AlikeError('gallery_exists', { detail: `It lives in engine ${gallery.engine}.` })
    try {
      await this.#prepare(gallery, wishes)
    } catch (error) {
      if (created) await catalogue.remove(name)
      throw error
    }
    return { gallery: await this.#recordOf(gallery), created }
  }

  /** @throws AlikeError as `makeRoom` */
  async #prepare(entry: CatalogueEntry, wishes: StorageWishes): Promise<void> {
    const sets = await this.#options.catalogue.sets(entry.uid)
    await this.prepareSet(sets.find(({ uid }) => uid === entry.set.uid)!, wishes)
  }

  /** Room for it in its engine, if none was made yet. @throws AlikeError as `makeRoom` */
  async prepareSet(set: CatalogueSet, wishes: StorageWishes = {}): Promise<void> {
    const { catalogue } = this.#options
    await makeRoom(set, { catalogue, engine: this.#engineOf(set.engine), stated: this.#stated({ set }), wishes })
  }

  async get(name: string): Promise<GalleryRecord> {
    await this.#find(name) // of a damaged one nothing is told
    return this.look(name)
  }

  /** The set that serves. */
  async set(name: string): Promise<EmbeddingSet> {
    return this.#stated(await this.#find(name))
  }

  /** As on a list: of one whose record is damaged only the name is told. */
  async look(name: string): Promise<GalleryRecord> {
    const record = await this.#options.catalogue.record(name)
    if (record === undefined) throw new AlikeError('gallery_not_found')
    return this.#recordOf(record)
  }

  /** All of them, by name. */
  async list(): Promise<GalleryRecord[]> {
    const galleries: GalleryRecord[] = []
    for await (const slice of this.slices({ after: '', limit: Infinity, maxLength: Infinity }))
      galleries.push(...slice.galleries)
    return galleries
  }

  /**
   * By name, ascending, slice by slice, each in a turn of its own: as many as are asked for, or as have room in one answer.
   * @param after names after this one
   */
  async *slices({
    after,
    limit,
    maxLength = this.#limits.pageMaxLength,
  }: {
    after: string
    limit: number
    maxLength?: number
  }): AsyncGenerator<{ galleries: GalleryRecord[]; nextCursor?: string }> {
    let [last, count] = [after, 0]
    for (let left = maxLength; ; ) {
      // one more than may be listed tells whether more follow
      const { records, length } = await this.#options.catalogue.list({
        after: last,
        limit: Math.min(limit - count + 1, openedAtOnce),
        maxLength: Math.min(Math.max(left, 0), lengthOfTurn),
      })
      const isFull = left <= 0 || count === limit
      if (records.length === 0 || isFull)
        return yield { galleries: [], ...(records.length > 0 && { nextCursor: cursorAfter(last) }) }
      const listed = records.slice(0, limit - count)
      const galleries: GalleryRecord[] = []
      for (const record of listed) galleries.push(await this.#recordOf(record))
      yield { galleries }
      count += listed.length
      last = listed.at(-1)?.name ?? last
      left -= length
      await nextTurn()
    }
  }

  /** Gone at once for every caller, whatever became of its record; its pictures are removed in the background. */
  async delete(name: string): Promise<void> {
    const { uid, sets } = await this.#options.catalogue.remove(name)
    this.#rankings.forget(uid)
    // who follows it finds that it is gone
    this.#followed.get(name)?.note('all')
    this.#followed.delete(name)
    for (const { uid: setUid, engine } of sets) await this.#options.engines[engine]?.drop({ uid: setUid })
  }

  /**
   * All or none. The progress of the job they belong to is committed in the same transaction where the engine keeps it, and
   * behind them where not: they may be put again then, which changes nothing more.
   * @throws AlikeError `model_mismatch`, `dimension_mismatch`, `gallery_full`, `storage_full`, `overloaded`, `job_finished`.
   */
  async put(gallery: string, images: NewImage[], progress?: JobProgress): Promise<PutResult[]> {
    return (await this.change(
      gallery,
      images.map((put) => ({ put })),
      progress,
    )) as PutResult[]
  }

  /** The same for pictures that are put and others that are removed, in their order. */
  async change(gallery: string, steps: ImageStep[], progress?: JobProgress): Promise<StepResult[]> {
    return this.#changing(gallery, steps.map(idOfStep), async () => {
      const { entry, opened } = await this.#forSteps(gallery, steps)
      return this.#advancing(entry.engine, opened, steps, progress)
    })
  }

  /** One picture, and its record as it was written. @throws as `put` does */
  async putOne(gallery: string, step: PutStep): Promise<StoredImage> {
    return this.#changing(gallery, [step.put.id], async () => (await this.#forSteps(gallery, [step])).opened.put(step))
  }

  /** @throws AlikeError `image_not_found`. */
  async patch(gallery: string, id: string, change: ImageChange): Promise<ImageRecord> {
    const [record] = await this.#changing(gallery, [id], async () => {
      const set = await this.#open(gallery)
      await set.patch(id, change)
      return set.find([id])
    })
    if (record === undefined) throw new AlikeError('image_not_found', { detail: 'It was removed in this moment.' })
    return record
  }

  /** @returns the ids that existed. */
  async remove(gallery: string, ids: string[]): Promise<string[]> {
    const results = await this.#removing(gallery, ids)
    return ids.filter((_, i) => 'removed' in results[i]!)
  }

  /**
   * In transactions of bounded size: what was removed when it breaks off stays removed, and asking again removes the rest.
   * @param signal aborted to stop between two of them
   * @returns how many pictures fitted and are gone
   * @throws AlikeError `overloaded`, `shutting_down`; the signal's reason
   */
  async removeFitting(gallery: string, filter: Filter, signal?: AbortSignal): Promise<number> {
    return this.#changing(gallery, 'all', async () => (await this.#open(gallery)).removeFitting(filter, signal))
  }

  async image(gallery: string, id: string): Promise<ImageRecord | undefined> {
    return (await this.imagesById(gallery, [id]))[0]
  }

  /** Those of the ids that exist, in the order asked. */
  async imagesById(gallery: string, ids: string[]): Promise<ImageRecord[]> {
    return (await this.#open(gallery)).find(ids)
  }

  /** By id, ascending. @throws AlikeError as `imageSlices` */
  async images(gallery: string, page: PageOfImages = {}): Promise<ImagePage> {
    const images: ImageRecord[] = []
    for await (const slice of this.imageSlices(gallery, page)) {
      images.push(...slice.images)
      if (slice.nextCursor !== undefined) return { images, nextCursor: slice.nextCursor }
    }
    return { images }
  }

  /**
   * A page slice by slice, each in a turn of its own: what a page holds is never in memory as a whole. The last one tells
   * whether more follows.
   * @throws AlikeError `request_invalid` for a cursor that was not given out
   */
  async *imageSlices(gallery: string, page: PageOfImages = {}): AsyncGenerator<ImagePage> {
    yield* (await this.#open(gallery)).page(page)
  }

  /** What the same content gave before, if it is what is stored under this id. */
  async seen(
    gallery: string,
    image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>,
  ): Promise<SeenImage | undefined> {
    return (await this.#open(gallery)).seen(image)
  }

  /** @throws AlikeError `image_damaged` */
  async thumbnail(gallery: string, id: string): Promise<StoredThumbnail | undefined> {
    return (await this.#open(gallery)).thumbnail(id)
  }

  /** [dimension], unit length. */
  async embedding(gallery: string, id: string): Promise<Float32Array | undefined> {
    return (await this.#open(gallery)).vector(id)
  }

  /** Empty for a picture without features; undefined where none was made yet. */
  async copyDescriptor(gallery: string, id: string): Promise<Uint8Array | undefined> {
    return (await this.#open(gallery)).copies.descriptor(id)
  }

  /** How it lies in two dimensions, where that was worked out. */
  async layout(gallery: string): Promise<GalleryLayout> {
    const entry = await this.#find(gallery)
    return this.#layoutOf(entry.set.uid, await this.#openOf(entry))
  }

  /** The same of the set that a request goes on with, whatever serves by now. */
  layoutOf({ setUids: [setUid], examples }: Serving): GalleryLayout {
    return this.#layoutOf(setUid!, examples)
  }

  /** What was said of hits in it. */
  async feedback(gallery: string): Promise<GalleryFeedback> {
    const entry = await this.#find(gallery)
    return new GalleryFeedback({
      galleryUid: entry.uid,
      store: this.#options.feedback,
      set: await this.#openOf(entry),
    })
  }

  /** What was decided about findings of it. */
  async decisions(gallery: string): Promise<GalleryDecisions> {
    return this.#decisionsOf(await this.#find(gallery))
  }

  /** A page of pictures that have a thumbnail and no copy descriptor yet. */
  async undescribed(gallery: string, page: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage> {
    return (await this.#open(gallery)).copies.undescribed(page)
  }

  /** Adds descriptors to stored pictures; those that are gone or have one are passed over. @throws AlikeError `storage_full`, `overloaded` */
  async describe(
    gallery: string,
    described: { image: UndescribedPage['images'][number]; descriptor: Uint8Array }[],
  ): Promise<number> {
    return (await this.#open(gallery)).copies.describe(described)
  }

  /** By label, ascending; pictures without one come first. @param page labels after this one; left out: all */
  async labels(
    gallery: string,
    { after, limit = 2 ** 31 }: { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<LabelCount[]> {
    return (await this.#open(gallery)).labels({ after, limit })
  }

  /** What filters can name, told by as many images as `fieldBounds` says. */
  async fields(gallery: string): Promise<GalleryFields> {
    return (await this.#open(gallery)).fields()
  }

  /**
   * What a request that is answered in several steps goes on with. It serves to its end, whatever begins to serve meanwhile.
   * @throws AlikeError `model_mismatch`
   */
  async serving(gallery: string | readonly string[]): Promise<Serving> {
    const sets: (NamedSet & { entry: CatalogueEntry })[] = []
    for (const name of [gallery].flat()) {
      const { opened, entry } = await this.#ready(name)
      sets.push({ gallery: name, set: opened, entry })
    }
    const [first, ...others] = sets
    if (first === undefined) throw new AlikeError('gallery_not_found')
    const { modelId, dimension } = first.entry.set
    const other = others.find(({ entry }) => entry.set.modelId !== modelId)
    if (other !== undefined)
      throw new AlikeError('model_mismatch', {
        detail: `Gallery ${first.gallery} belongs to model ${modelId}, gallery ${other.gallery} to ${other.entry.set.modelId}.`,
      })
    return {
      galleries: sets.map(({ entry }) => entry.uid).join('+'),
      setUids: sets.map(({ entry }) => entry.set.uid),
      modelId,
      dimension,
      set: typeof gallery === 'string' ? first.set : new JoinedSets(sets),
      examples: first.set,
    }
  }

  /** @throws AlikeError `model_mismatch`, `dimension_mismatch`, `overloaded`. */
  async search(where: string | readonly string[] | Serving, search: GallerySearch): Promise<GallerySearchResult> {
    const { set, dimension } = await this.#searched(where)
    expectUnitVector(search.vector, dimension)
    return searchGallery(set, search)
  }

  /** The same as the first page of a ranking that is kept for the next. */
  async searchPaged(
    where: string | readonly string[] | Serving,
    { caller, reach, k, offset = 0, voters, metadata, onBytes, ...terms }: PagedSearch,
  ): Promise<SearchPage> {
    const startedAt = performance.now()
    const { set, galleries, setUids, modelId, dimension } = await this.#searched(where)
    expectUnitVector(terms.vector, dimension)
    // only the terms outlive the request
    const ranking = await Ranking.open(set, terms, { reach })
    const page = await ranking.page({ k, offset, voters, metadata, onBytes })
    const owner = { gallery: galleries, caller }
    const kept = { ranking, modelId, setUids }
    const nextPageToken = page.more ? this.#rankings.keep(kept, offset + k, owner) : undefined
    return { ...page, nextPageToken, durationMs: performance.now() - startedAt }
  }

  /** Of the set that the ranking was begun with. @throws AlikeError `page_expired`, `overloaded`. */
  async nextPage(
    gallery: string | readonly string[],
    { token, caller, ...asked }: { token: string; caller: string } & Pick<GallerySearch, 'k' | 'metadata' | 'onBytes'>,
  ): Promise<SearchPage & { vector: Float32Array; modelId: string }> {
    const startedAt = performance.now()
    const entries = await Promise.all([gallery].flat().map((name) => this.#find(name)))
    const owner = { gallery: entries.map(({ uid }) => uid).join('+'), caller }
    const { ranking, modelId, place, tokenAt } = this.#rankings.find(token, owner)
    const page = await ranking.page({ ...asked, offset: place })
    const nextPageToken = page.more ? tokenAt(place + asked.k) : undefined
    return { ...page, vector: ranking.terms.vector, modelId, nextPageToken, durationMs: performance.now() - startedAt }
  }

  /** For who looks at all of it. @throws AlikeError `model_mismatch` */
  async scan(gallery: string): Promise<OpenScan> {
    return (await this.#ready(gallery)).opened.scan()
  }

  /** Of all galleries, by name. */
  async readings(): Promise<GalleryReading[]> {
    const readings: GalleryReading[] = []
    for (let after = ''; ; ) {
      const entries = await this.#options.catalogue.entries({ after, limit: statesPerTurn })
      for (const entry of entries) readings.push(await this.#readingOf(entry))
      const last = entries.at(-1)
      if (last === undefined) return readings
      after = last.name
      await nextTurn()
    }
  }

  /** Of one as it was looked at, which may be gone by now. */
  reading({ name, uid, setUid, engine, modelId, dimension, unreadable }: GalleryRecord): Promise<GalleryReading> {
    return this.#readingOf({ name, uid, engine, set: { uid: setUid, galleryUid: uid, modelId, dimension }, unreadable })
  }

  /** Of one. */
  async state(gallery: string): Promise<SetState> {
    return (await this.#open(gallery)).state()
  }

  /** Of a gallery, in the order of their making; one of them serves. */
  async sets(gallery: string): Promise<GallerySet[]> {
    const sets = await this.#options.catalogue.sets((await this.#find(gallery)).uid)
    const read = async (set: CatalogueSet) => ({ ...set, reading: await this.#stateOf({ ...set, name: gallery, set }) })
    return Promise.all(sets.map(read))
  }

  /** Of all galleries that have more than one. */
  async setsBeside(): Promise<{ gallery: string; beside: CatalogueSet[] }[]> {
    const found: { gallery: string; beside: CatalogueSet[] }[] = []
    const { catalogue } = this.#options
    for (let after: string | undefined = ''; after !== undefined; ) {
      const entries: CatalogueEntry[] = await catalogue.entries({ after, limit: openedAtOnce })
      for (const { name, uid } of entries) {
        const beside = (await unlessLost(catalogue.sets(uid), [])).filter(({ stage }) => stage !== 'serving')
        if (beside.length > 0) found.push({ gallery: name, beside })
      }
      after = entries.at(-1)?.name
      await nextTurn()
    }
    return found
  }

  /** A gallery that one of this model's sets belongs to. */
  async userOf(modelId: string): Promise<string | undefined> {
    const serving = (await this.list()).find((gallery) => gallery.modelId === modelId)
    if (serving !== undefined) return serving.name
    return (await this.setsBeside()).find(({ beside }) => beside.some((set) => set.modelId === modelId))?.gallery
  }

  /** An empty one, in the engine of the one that serves. @throws AlikeError `set_exists`, `model_not_found`, `storage_full`, `overloaded` */
  async addSet(gallery: string, model: string, about: CatalogueSet['about']): Promise<CatalogueSet> {
    const { catalogue, models } = this.#options
    const { id: modelId, dimension } = models.get(model)
    const { uid: galleryUid, engine, set } = await this.#find(gallery)
    if (set.modelId === modelId) throw new AlikeError('set_exists', { detail: 'This model serves the gallery.' })
    const made = await catalogue.addSet({ uid: newUid(), galleryUid, engine, modelId, dimension, about })
    await this.prepareSet(made)
    return made
  }

  /** @throws AlikeError `set_not_found`, `storage_full`, `overloaded` */
  changeSet(setUid: string, change: SetChange): Promise<CatalogueSet> {
    return this.#options.catalogue.changeSet(setUid, change)
  }

  /** Searches under way in it come to nothing; pages of its rankings have expired. @throws AlikeError `set_in_use`, `storage_full`, `overloaded` */
  async removeSet(gallery: string, { uid, engine }: Pick<CatalogueSet, 'uid' | 'engine'>): Promise<void> {
    await this.#options.catalogue.removeSet(uid)
    this.#followed.delete(gallery)
    this.#rankings.forgetSet(uid)
    await this.#options.engines[engine]?.drop({ uid })
  }

  /** @throws AlikeError `gallery_not_found` when it was removed, `data_unreadable` */
  openSet(set: Omit<CatalogueSet, 'stage'>): Promise<OpenSet> {
    return this.#openOf({ name: '', uid: set.galleryUid, engine: set.engine, set })
  }

  /** From now on what is changed in the gallery is noted. The same again until `unfollow`. */
  follow(gallery: string): ChangedIds {
    let changed = this.#followed.get(gallery)
    if (changed === undefined) this.#followed.set(gallery, (changed = new ChangedIds(this.#limits.changedMax)))
    return changed
  }

  /** @param changed as `follow` gave it; another gallery may have the name by now */
  unfollow(gallery: string, changed: ChangedIds): void {
    if (this.#followed.get(gallery) === changed) this.#followed.delete(gallery)
  }

  /**
   * Another set serves from now on, in one write; searches under way end with the one they began with. No write of the gallery
   * is under way while `catchUp` brings over what is left.
   * @param about of the one that served
   * @param signal ends the wait for writes that are under way
   * @throws AlikeError `set_not_found`, `storage_full`, `overloaded`; what `catchUp` throws, the signal's reason, and nothing has changed
   */
  serve(
    gallery: string,
    setUid: string,
    { about, catchUp, signal }: { about: CatalogueSet['about']; catchUp: () => Promise<void>; signal?: AbortSignal },
  ): Promise<void> {
    const exchange = async () => {
      await catchUp()
      await this.#options.catalogue.serve(setUid, about)
    }
    return this.#gates.whileClosed(gallery, exchange, signal)
  }

  /** Id of a model by id or name. @param otherwise what it is where none is here @throws AlikeError `model_not_found` */
  modelOf(idOrName: string, otherwise?: string): string {
    try {
      return this.#options.models.get(idOrName).id
    } catch (error) {
      if (otherwise !== undefined && error instanceof AlikeError && error.code === 'model_not_found') return otherwise
      throw error
    }
  }

  /** Whether a model is here to embed and search with. */
  isServed(modelId: string): boolean {
    return this.#options.models.has(modelId)
  }

  /** What is written into a set that does not serve. @throws AlikeError `set_in_use` once it does; as `change` of an open set */
  async changeBeside(set: CatalogueSet, steps: readonly ImageStep[], progress?: JobProgress): Promise<StepResult[]> {
    const sets = await this.#options.catalogue.sets(set.galleryUid)
    // what is acknowledged there by now is newer than what was read beside it
    if (sets.some(({ uid, stage }) => uid === set.uid && stage === 'serving')) throw new AlikeError('set_in_use')
    return this.#advancing(set.engine, await this.openSet(set), steps, progress)
  }

  /** Finishes what the engines accepted, and ends them. */
  async close(): Promise<void> {
    for (const engine of this.#engines) await engine.close()
  }

  get #engines(): Engine[] {
    return Object.values(this.#options.engines)
  }

  async #openReady(): Promise<void> {
    const { catalogue } = this.#options
    for (let after: string | undefined = ''; after !== undefined; ) {
      const { records } = await catalogue.list({ after, limit: openedAtOnce, maxLength: Infinity })
      for (const entry of records) {
        if (entry.unreadable !== undefined) continue
        if (this.#stated(entry).state === 'ready') await this.#openOf(entry)
        const decisions = await this.#decisionsOf(entry)
        await decisions.finishUnsettled().catch(passOverUnserved)
      }
      after = records.at(-1)?.name
    }
  }

  /** @throws AlikeError `gallery_not_found` */
  async #find(name: string): Promise<CatalogueEntry> {
    const entry = await this.#options.catalogue.find(name)
    if (entry === undefined) throw new AlikeError('gallery_not_found')
    return entry
  }

  async #open(name: string): Promise<OpenSet> {
    return this.#openOf(await this.#find(name))
  }

  #layoutOf(setUid: string, set: OpenSet): GalleryLayout {
    return new GalleryLayout({ setUid, store: this.#options.layouts, set })
  }

  async #decisionsOf(entry: CatalogueEntry): Promise<GalleryDecisions> {
    const { name, uid } = entry
    const set = await this.#openOf(entry)
    return new GalleryDecisions({
      galleryUid: uid,
      store: this.#options.decisions,
      set: {
        find: (ids) => set.find(ids),
        patch: (id, change) => this.#changing(name, [id], () => set.patch(id, change)),
        change: (steps) => this.#changing(name, steps.map(idOfStep), () => set.change(steps)),
      },
    })
  }

  #openOf(entry: CatalogueEntry): Promise<OpenSet> {
    return this.#engineOf(entry.engine).open(this.#stated(entry))
  }

  /** @throws AlikeError `data_unreadable` */
  #engineOf(name: string): Engine {
    const engine = this.#options.engines[name]
    if (engine !== undefined) return engine
    throw new AlikeError('data_unreadable', {
      detail: `The gallery lives in engine ${name}, which this process does not have.`,
    })
  }

  #stated({ set }: Pick<CatalogueEntry, 'set'>): EmbeddingSet {
    const { models } = this.#options
    const isServed = models.has(set.modelId) && models.get(set.modelId).dimension === set.dimension
    return { ...set, state: isServed ? 'ready' : 'retired' }
  }

  /** @throws AlikeError `model_mismatch` */
  async #ready(name: string): Promise<{ entry: CatalogueEntry; opened: OpenSet }> {
    const entry = await this.#find(name)
    if (this.#stated(entry).state !== 'ready')
      throw new AlikeError('model_mismatch', {
        detail: `The gallery belongs to model ${entry.set.modelId}, which is not served.`,
      })
    return { entry, opened: await this.#openOf(entry) }
  }

  async #searched(where: string | readonly string[] | Serving): Promise<Serving> {
    return typeof where === 'object' && 'setUids' in where ? where : this.serving(where)
  }

  /** Notes what is changed for the gallery's other set, where it has one, also when it can not be told whether it was. */
  #changing<Result>(gallery: string, ids: readonly string[] | 'all', write: () => Promise<Result>): Promise<Result> {
    return this.#gates.pass(gallery, async () => {
      try {
        return await write()
      } finally {
        this.#followed.get(gallery)?.note(ids)
      }
    })
  }

  #removing(gallery: string, ids: readonly string[]): Promise<StepResult[]> {
    return this.#changing(gallery, ids, async () =>
      (await this.#open(gallery)).change(ids.map((remove) => ({ remove }))),
    )
  }

  async #advancing(
    engine: string,
    opened: OpenSet,
    steps: readonly ImageStep[],
    progress: JobProgress | undefined,
  ): Promise<StepResult[]> {
    const { committedBy, advance } = this.#options.progress
    if (progress === undefined || committedBy.includes(engine)) return opened.change(steps, { progress })
    const results = await opened.change(steps)
    await advance(progress, countsOf(results))
    return results
  }

  /** @throws AlikeError `model_mismatch`, `serving_changed`, `dimension_mismatch`, `request_invalid` for embeddings that do not belong there */
  async #forSteps(gallery: string, steps: readonly ImageStep[]): Promise<{ entry: CatalogueEntry; opened: OpenSet }> {
    const { entry, opened } = await this.#ready(gallery)
    for (const step of steps) {
      if (!('put' in step)) continue
      // it was embedded while another set began to serve
      if (step.put.modelId !== entry.set.modelId)
        throw new AlikeError((await this.#hasSetOf(entry, step.put.modelId)) ? 'serving_changed' : 'model_mismatch')
      expectUnitVector(step.put.vector, entry.set.dimension)
    }
    return { entry, opened }
  }

  /** Also where another process made it serve. */
  async #hasSetOf({ uid }: CatalogueEntry, modelId: string): Promise<boolean> {
    return (await this.#options.catalogue.sets(uid)).some((set) => set.modelId === modelId)
  }

  async #recordOf(record: CatalogueRecord): Promise<GalleryRecord> {
    const { set, ...said } = record
    const { images: count } = await this.#stateOf(record)
    return { ...said, setUid: set.uid, modelId: set.modelId, dimension: set.dimension, count }
  }

  async #readingOf(entry: ListedEntry): Promise<GalleryReading> {
    const searchable = this.#stated(entry).state === 'ready'
    return { gallery: entry.name, searchable, ...(await this.#stateOf(entry)) }
  }

  async #stateOf(entry: ListedEntry): Promise<SetState> {
    if (entry.unreadable !== undefined) return noState
    try {
      return await (await this.#openOf(entry)).state()
    } catch (error) {
      const code = error instanceof AlikeError ? error.code : undefined
      if (code === 'gallery_not_found') return noState
      if (code === 'gallery_lost') return { ...noState, lost: true }
      if (code !== undefined && unservedCodes.includes(code)) return { ...noState, unreachable: true }
      throw error
    }
  }
}

function idOfStep(step: ImageStep): string {
  return 'put' in step ? step.put.id : step.remove
}

/** The gallery is gone, or its record is damaged. */
async function unlessLost<Result>(reading: Promise<Result>, otherwise: Result): Promise<Result> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof AlikeError && ['gallery_not_found', 'data_unreadable'].includes(error.code)) return otherwise
    throw error
  }
}

/** At the start: the other galleries are opened all the same. */
function passOverUnserved(error: unknown): void {
  if (!(error instanceof AlikeError && unservedCodes.includes(error.code))) throw error
}

function newUid(): string {
  return randomBytes(8).toString('hex')
}

export function openGalleries(options: GalleriesOptions): Promise<Galleries> {
  return Galleries.open(options)
}
