/**
 * Truth and index together: the only place that knows both. What it acknowledges is committed in
 * the database and found by the next search. Longer than most files because it is the one list of
 * everything that others may ask of storage.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { FilterSlots } from '../engines/embedded/filter-slots.js'
import { GalleryIndexes } from '../engines/embedded/gallery-indexes.js'
import type { Undescribed } from '../engines/embedded/store/descriptor-table.js'
import { networkFileSystem } from '../engines/embedded/store/file-systems.js'
import { GalleryStore } from '../engines/embedded/store/gallery-store.js'
import {
  type GalleryCount,
  type GalleryRow,
  type GalleryTable,
  galleryRecord,
} from '../engines/embedded/store/gallery-table.js'
import type { ChangeRequest } from '../engines/embedded/store/gallery-writes.js'
import { storedFeedback } from '../engines/embedded/store/stored-feedback.js'
import { storedJobs } from '../engines/embedded/store/stored-jobs.js'
import type { GallerySource } from '../engines/embedded/store/whole-gallery.js'
import {
  type IndexReading,
  type IndexSettings,
  indexDefaults,
  type NeighboursRequest,
  type SlotNeighbours,
  type SlotVectors,
  type VectorIndex,
} from '../engines/embedded/vector-index/vector-index.js'
import { AlikeError } from '../errors.js'
import { nextTurn } from '../turns.js'
import type { FeedbackStore } from './feedback.js'
import type { Filter } from './filter.js'
import {
  type GallerySearch,
  type GallerySearchResult,
  Ranking,
  type SearchedGallery,
  searchGallery,
} from './gallery-search.js'
import { cursorAfter, idOfCursor } from './image-cursor.js'
import type { JobProgress, JobStore } from './jobs.js'
import { KeptRankings, type KeptRankingsSettings, keptRankingsDefaults } from './kept-rankings.js'
import type {
  GalleryRecord,
  ImageChange,
  ImagePage,
  ImageRecord,
  ImageStep,
  LabelCount,
  Metadata,
  NewImage,
  PutImage,
  PutResult,
  PutStep,
  SeenImage,
  StepResult,
  StoredImage,
} from './records.js'
import { type StorageSettings, storageDefaults } from './storage-settings.js'
import { expectUnitVector } from './unit-vector.js'

export type { SlotNeighbours } from '../engines/embedded/vector-index/vector-index.js'
export type { GallerySearch, GallerySearchResult, Hit, HitGroup } from './gallery-search.js'

export interface GalleriesOptions {
  /** Made when it does not exist; locked against a second process. */
  dataDir: string
  /** The model that is served. Galleries made by another one can be read, not searched or added to. */
  model: { id: string; dimension: number }
  index?: Partial<IndexSettings>
  storage?: Partial<StorageSettings>
  /** Of rankings whose pages are still to come. */
  pages?: Partial<KeptRankingsSettings> | undefined
  /** Called for each of them that is given up, for a metric. */
  onRankingDrop?: ((reason: 'expired' | 'displaced') => void) | undefined
  logger: Logger
  /** What becomes of a picture whose record is damaged: `refused`: whatever meets it fails; `named`: only its id is told, with `unreadable`. Default `refused`. */
  damagedRecords?: 'refused' | 'named' | undefined
  /** Called for each graph that was built anew, for a metric. */
  onIndexRebuild?: () => void
  /** The time that records carry. */
  clock?: () => Date
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

/** One line for metrics and for `GET /v1/galleries`. */
export interface GalleryReading extends IndexReading {
  gallery: string
  images: number
  /** False while the gallery belongs to another model than the served one. */
  searchable: boolean
}

const noReading: IndexReading = { size: 0, tombstones: 0, pending: 0, building: false, rebuilds: 0 }
export interface ListedPage {
  cursor?: string
  /** Default 100. */
  limit?: number
  /** `null`: pictures without a label; undefined: all. */
  label?: string | null
}

const pageDefault = 100
/** Characters of records that are read for a list before others have their turn: some milliseconds. */
const lengthOfTurn = 128 * 1024
/** Pictures removed in one transaction: some ten milliseconds. */
const removalBatch = 256

/** Calls that name a gallery throw `gallery_not_found`. Those that return no promise are look-ups of microseconds. */
export class Galleries {
  readonly jobs: JobStore
  readonly feedback: FeedbackStore
  readonly #store: GalleryStore
  readonly #indexes: GalleryIndexes
  readonly #filters: FilterSlots
  readonly #rankings: KeptRankings
  readonly #options: GalleriesOptions
  readonly #storage: StorageSettings
  readonly #now: () => string
  readonly #writesUnderWay = new Set<Promise<unknown>>()
  #failure: AlikeError | undefined
  #closing: Promise<void> | undefined

  private constructor(options: GalleriesOptions, storage: StorageSettings, store: GalleryStore) {
    const { clock = () => new Date() } = options
    this.#options = options
    this.#storage = storage
    this.#store = store
    this.#now = () => clock().toISOString()
    this.#filters = new FilterSlots(store)
    this.#rankings = new KeptRankings({
      ...keptRankingsDefaults,
      ...options.pages,
      now: () => performance.now(),
      onDrop: (reason) => options.onRankingDrop?.(reason),
    })
    this.#indexes = new GalleryIndexes({
      store,
      folder: join(options.dataDir, 'index'),
      index: { ...indexDefaults, ...options.index },
      graphCaches: storage,
      logger: options.logger,
      onRebuild: () => options.onIndexRebuild?.(),
      onFailure: (error) => this.#fail(error),
    })
    this.jobs = storedJobs({ store, now: this.#now, write: (write) => this.#write(write) })
    this.feedback = storedFeedback({ store, max: storage.feedbackMax, write: (write) => this.#write(write) })
  }

  /** @throws AlikeError `data_unreadable` when the folder is in use, damaged or of a newer version. */
  static async open(options: GalleriesOptions): Promise<Galleries> {
    const storage = { ...storageDefaults, ...options.storage }
    const { logger } = options
    const failing: { tell?: (error: AlikeError) => void } = {}
    const store = await GalleryStore.open({
      dataDir: options.dataDir,
      maxBytes: storage.databaseMaxBytes,
      damagedRecords: options.damagedRecords,
      onFailure: (error) => failing.tell?.(error),
      onWritable: () => logger.info('there is room again: writes are taken'),
    })
    if (store.readOnly !== undefined) logger.error('no room in the data folder: it can only be read')
    const shared = networkFileSystem(options.dataDir)
    if (shared !== undefined)
      logger.warn(
        { fileSystem: shared },
        `the data folder lies on ${shared}: the database is not safe there when another machine writes to it; use a local disk`,
      )
    const galleries = new Galleries(options, storage, store)
    failing.tell = (error) => galleries.#fail(error)
    try {
      const rows = store.read(() => Array.from(store.galleries.list(), ({ settings: _settings, ...row }) => row))
      await galleries.#indexes.openAll(
        rows.filter((row) => galleries.#isServed(row)),
        rows.map(({ uid }) => uid),
      )
      return galleries
    } catch (error) {
      await galleries.#indexes.close()
      await store.close()
      throw error
    }
  }

  /** Set once a thread behind it is gone: the process should be restarted. */
  get failure(): AlikeError | undefined {
    return this.#failure
  }

  /** Why nothing can be written for now, in a sentence; undefined when writes are taken. */
  get readOnly(): string | undefined {
    return this.#store.readOnly
  }

  /** @throws AlikeError `storage_full` while nothing can be written */
  expectWritable(): void {
    this.#store.expectWritable()
  }

  /** Writes that have not been acknowledged. */
  get writeQueueDepth(): number {
    return this.#writesUnderWay.size
  }

  /** Rankings whose pages are still to come, and their memory in bytes. */
  get keptRankings(): { count: number; bytes: number } {
    const { count, bytes } = this.#rankings
    return { count, bytes }
  }

  /** Vectors that wait to be linked into a graph; they are found all the same. */
  get indexQueueDepth(): number {
    return this.#indexes.pending
  }

  /** @throws AlikeError `gallery_exists` when it exists with other settings or for another model, `galleries_full`. */
  create(name: string, settings?: Metadata): Promise<{ gallery: GalleryRecord; created: boolean }> {
    return this.#write(async () => {
      const { id: modelId, dimension } = this.#options.model
      const uid = randomBytes(8).toString('hex')
      const request = {
        name,
        uid,
        modelId,
        dimension,
        settings: settings ?? {},
        galleriesMax: this.#storage.galleriesMax,
        at: this.#now(),
      }
      const { gallery, created } = await this.#store.write('createGallery', request)
      if (gallery.modelId !== modelId)
        throw new AlikeError('gallery_exists', { detail: 'It belongs to another model.' })
      if (settings !== undefined && !isDeepStrictEqual(gallery.settings, settings))
        throw new AlikeError('gallery_exists')
      if (created) await this.#openIndex(gallery)
      return { gallery, created }
    })
  }

  get(name: string): GalleryRecord {
    return galleryRecord(this.#store.gallery(name))
  }

  /** As on a list: of one whose record is damaged only the name is told. */
  look(name: string): GalleryRecord {
    const row = this.#store.read(({ galleries }) => galleries.findListed(name))
    if (row === undefined) throw new AlikeError('gallery_not_found')
    return galleryRecord(row)
  }

  /** All of them, by name. */
  list(): GalleryRecord[] {
    return this.#store.read(({ galleries }) => Array.from(galleries.list(), galleryRecord))
  }

  /**
   * By name, ascending, slice by slice, each in a turn of its own: as many as are asked for, or as have room in one answer.
   * @param after names after this one
   */
  async *slices({
    after,
    limit,
  }: {
    after: string
    limit: number
  }): AsyncGenerator<{ galleries: GalleryRecord[]; nextCursor?: string }> {
    let [last, count] = [after, 0]
    for (let left = this.#storage.pageMaxLength; ; ) {
      // one more than may be listed tells whether more follow
      const list = (galleries: GalleryTable) => galleries.list(last, limit - count + 1)
      const rows = this.#store.read(({ galleries }) =>
        Array.from(upTo(Math.min(Math.max(left, 0), lengthOfTurn), list(galleries), ({ settings }) => settings.length)),
      )
      const isFull = left <= 0 || count === limit
      if (rows.length === 0 || isFull)
        return yield { galleries: [], ...(rows.length > 0 && { nextCursor: cursorAfter(last) }) }
      const listed = rows.slice(0, limit - count)
      yield { galleries: listed.map(galleryRecord) }
      count += listed.length
      last = listed.at(-1)?.name ?? last
      left -= listed.reduce((sum, { settings }) => sum + settings.length, 0)
      await nextTurn()
    }
  }

  /** Gone at once for every caller, whatever became of its record; its rows are removed in the background. */
  delete(name: string): Promise<void> {
    return this.#write(async () => {
      const place = this.#store.read(({ galleries }) => galleries.place(name))
      if (place === undefined) throw new AlikeError('gallery_not_found')
      const { number, uid } = place
      await this.#store.write('deleteGallery', { gallery: number, at: this.#now() })
      this.#filters.forget(number)
      this.#rankings.forget(uid)
      await this.#indexes.erase(uid)
    })
  }

  /**
   * All or none, in one transaction with the progress of the job they belong to.
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
  change(gallery: string, steps: ImageStep[], progress?: JobProgress): Promise<StepResult[]> {
    return this.#change(gallery, steps, async (request) => {
      const results = await this.#store.write('changeImages', { ...request, ...(progress && { progress }) })
      return { results, reply: results }
    })
  }

  /** One picture, and its record as it was written. @throws as `put` does */
  putOne(gallery: string, step: PutStep): Promise<StoredImage> {
    return this.#change(gallery, [step], async ({ steps: [only], ...request }) => {
      const { result, record } = await this.#store.write('putImage', { ...request, step: only! })
      return { results: [result], reply: { record, created: 'slot' in result && result.created } }
    })
  }

  #change<Step extends ImageStep, Reply>(
    gallery: string,
    steps: Step[],
    write: (
      request: Omit<ChangeRequest, 'steps'> & { steps: Step[] },
    ) => Promise<{ results: StepResult[]; reply: Reply }>,
  ): Promise<Reply> {
    return this.#write(async () => {
      const { row, index } = await this.#served(gallery)
      for (const step of steps) {
        if (!('put' in step)) continue
        if (step.put.modelId !== row.model_id) throw new AlikeError('model_mismatch')
        expectUnitVector(step.put.vector, row.dimension)
      }
      const { results, reply } = await write({
        gallery: row.number,
        steps: steps.map((step) => ('put' in step ? { ...step, put: withoutSurroundings(step.put) } : step)),
        imagesMax: this.#storage.galleryImagesMax,
        at: this.#now(),
      })
      // Other writes of the same id may have been committed meanwhile and be applied first. The
      // index does not mind: slots are never used again, and a removed one can not be added.
      const added = steps.flatMap((step, i) =>
        'put' in step && 'slot' in results[i]! ? { slot: results[i].slot, vector: step.put.vector } : [],
      )
      const retired = results.flatMap((result) =>
        'slot' in result ? (result.retiredSlot ?? []) : 'removedSlot' in result ? result.removedSlot : [],
      )
      if (added.length + retired.length === 0) return reply
      if (retired.length > 0) this.#filters.forget(row.number)
      await this.#apply(() =>
        Promise.all([index.add(packed(added, row.dimension)), index.remove(Uint32Array.from(retired))]),
      )
      this.#indexes.countChanges(row.uid, added.length + retired.length)
      return reply
    })
  }

  /** @throws AlikeError `image_not_found`. */
  patch(gallery: string, id: string, change: ImageChange): Promise<ImageRecord> {
    return this.#write(async () => {
      const { number } = this.#store.gallery(gallery)
      await this.#store.write('patchImage', { gallery: number, id, change, at: this.#now() })
      this.#filters.forget(number)
      const record = this.image(gallery, id)
      if (record === undefined) throw new AlikeError('image_not_found', { detail: 'It was removed in this moment.' })
      return record
    })
  }

  /** @returns the ids that existed. */
  remove(gallery: string, ids: string[]): Promise<string[]> {
    return this.#write(async () => {
      const row = this.#store.gallery(gallery)
      const index = this.#isServed(row) ? await this.#indexes.open(row) : undefined
      const deleted = await this.#store.write('deleteImages', { gallery: row.number, ids, at: this.#now() })
      this.#filters.forget(row.number)
      await this.#apply(async () => index?.remove(Uint32Array.from(deleted, ({ slot }) => slot)))
      this.#indexes.countChanges(row.uid, deleted.length)
      return deleted.map(({ id }) => id)
    })
  }

  /**
   * In transactions of bounded size: what was removed when it breaks off stays removed, and asking again removes the rest.
   * @param signal aborted to stop between two of them
   * @returns how many pictures fitted and are gone
   * @throws AlikeError `overloaded`, `shutting_down`; the signal's reason
   */
  async removeFitting(gallery: string, filter: Filter, signal?: AbortSignal): Promise<number> {
    const row = this.#store.gallery(gallery)
    const index = this.#isServed(row) ? await this.#indexes.open(row) : undefined
    const slots = await this.#store.scan('slotsOfFilter', {
      gallery: row.number,
      filter,
      fromSlot: 0,
      toSlot: row.next_slot,
    })
    let removed = 0
    for (let from = 0; from < slots.length; from += removalBatch) {
      signal?.throwIfAborted()
      removed += await this.#write(async () => {
        const request = { gallery: row.number, slots: slots.slice(from, from + removalBatch), filter, at: this.#now() }
        const deleted = await this.#store.write('deleteFitting', request)
        this.#filters.forget(row.number)
        await this.#apply(async () => index?.remove(deleted))
        this.#indexes.countChanges(row.uid, deleted.length)
        return deleted.length
      })
    }
    return removed
  }

  /** Look-ups that are to be of one moment: what is written meanwhile is seen by all of them or by none. */
  atOnce<Result>(lookUp: () => Result): Result {
    return this.#store.readAtOnce(lookUp)
  }

  image(gallery: string, id: string): ImageRecord | undefined {
    return this.imagesById(gallery, [id])[0]
  }

  /** Those of the ids that exist, in the order asked. */
  imagesById(gallery: string, ids: string[]): ImageRecord[] {
    const { number } = this.#store.gallery(gallery)
    return this.#store.read(({ images }) => ids.flatMap((id) => images.find(number, id) ?? []))
  }

  /** By id, ascending. @throws AlikeError as `imageSlices` */
  async images(gallery: string, page: ListedPage = {}): Promise<ImagePage> {
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
  async *imageSlices(
    gallery: string,
    { cursor, limit = pageDefault, label }: ListedPage = {},
  ): AsyncGenerator<ImagePage> {
    const { number } = this.#store.gallery(gallery)
    let after = cursor === undefined ? '' : idOfCursor(cursor)
    for (let [left, count] = [this.#storage.pageMaxLength, 0]; ; ) {
      const options = {
        after,
        limit: limit - count,
        maxLength: left,
        oneAtLeast: count === 0,
        lengthOfTurn,
        ...(label !== undefined && { label }),
      }
      const { images, length, more } = this.#store.read((store) => store.images.list(number, options))
      after = images.at(-1)?.id ?? after
      yield { images, ...(more === 'yes' && { nextCursor: cursorAfter(after) }) }
      if (more !== 'open') return
      left -= length
      count += images.length
      await nextTurn()
    }
  }

  /** What the same content gave before, if it is what is stored under this id. */
  seen(gallery: string, image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>): SeenImage | undefined {
    const { number } = this.#store.gallery(gallery)
    return this.#store.read(({ images, descriptors }) =>
      images.seen(number, image, (slot) => descriptors.find(number, slot)),
    )
  }

  /** WebP bytes. */
  thumbnail(gallery: string, id: string): Uint8Array | undefined {
    const { number } = this.#store.gallery(gallery)
    return this.#store.read(({ images }) => images.thumbnail(number, id))
  }

  /** [dimension], unit length. */
  embedding(gallery: string, id: string): Float32Array | undefined {
    const { number } = this.#store.gallery(gallery)
    return this.#store.read(({ images }) => images.vector(number, id))
  }

  /** Empty for a picture without features; undefined where none was made yet. */
  copyDescriptor(gallery: string, id: string): Uint8Array | undefined {
    const { number } = this.#store.gallery(gallery)
    return this.#store.readAtOnce(({ images, descriptors }) => {
      const record = images.find(number, id)
      return record && descriptors.find(number, record.slot)
    })
  }

  /** A page of pictures that have a thumbnail and no copy descriptor yet. */
  undescribed(gallery: string, fromSlot: number, limit: number): Promise<Undescribed[]> {
    return this.#store.copies.undescribed(this.#store.gallery(gallery).number, fromSlot, limit)
  }

  /** Adds descriptors to stored pictures; those that are gone or have one are passed over. @throws AlikeError `storage_full`, `overloaded` */
  describe(gallery: string, described: { slot: number; descriptor: Uint8Array }[]): Promise<number> {
    return this.#write(() =>
      this.#store.write('describeImages', { gallery: this.#store.gallery(gallery).number, described }),
    )
  }

  /** Questions to the copies thread that wait for an answer. */
  get copyQueueDepth(): number {
    return this.#store.copies.depth
  }

  /** By label, ascending; pictures without one come first. @param page labels after this one; left out: all */
  labels(
    gallery: string,
    { after, limit = 2 ** 31 }: { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<LabelCount[]> {
    return this.#store.scan('labels', { gallery: this.#store.gallery(gallery).number, after, limit })
  }

  /** @throws AlikeError `model_mismatch`, `dimension_mismatch`, `overloaded`. */
  async search(gallery: string, search: GallerySearch): Promise<GallerySearchResult> {
    const { row, index } = await this.#served(gallery)
    expectUnitVector(search.vector, row.dimension)
    return searchGallery(this.#searched(row, index, search), search)
  }

  /** The same as the first page of a ranking that is kept for the next. */
  async searchPaged(
    gallery: string,
    { caller, reach, k, offset = 0, voters, metadata, onBytes, ...terms }: PagedSearch,
  ): Promise<SearchPage> {
    const startedAt = performance.now()
    const { row, index } = await this.#served(gallery)
    expectUnitVector(terms.vector, row.dimension)
    // only the terms outlive the request
    const ranking = await Ranking.open(this.#searched(row, index, terms), terms, { reach, belowSlot: row.next_slot })
    const page = await ranking.page({ k, offset, voters, metadata, onBytes })
    const nextPageToken = page.more ? this.#rankings.keep(ranking, offset + k, { gallery: row.uid, caller }) : undefined
    return { ...page, nextPageToken, durationMs: performance.now() - startedAt }
  }

  /** @throws AlikeError `page_expired`, `model_mismatch`, `overloaded`. */
  async nextPage(
    gallery: string,
    { token, caller, ...asked }: { token: string; caller: string } & Pick<GallerySearch, 'k' | 'metadata' | 'onBytes'>,
  ): Promise<SearchPage & { vector: Float32Array }> {
    const startedAt = performance.now()
    const { uid } = this.#requireServed(gallery)
    const { ranking, place, tokenAt } = this.#rankings.find(token, { gallery: uid, caller })
    const page = await ranking.page({ ...asked, offset: place })
    const nextPageToken = page.more ? tokenAt(place + asked.k) : undefined
    return { ...page, vector: ranking.terms.vector, nextPageToken, durationMs: performance.now() - startedAt }
  }

  #searched(
    row: GalleryRow,
    index: VectorIndex,
    { groupBy, signal }: Pick<GallerySearch, 'groupBy' | 'signal'>,
  ): SearchedGallery {
    return {
      index,
      size: row.count,
      slotsOf: (filter, keep) => this.#filters.slots(row, filter, keep),
      recordsOf: (slots) => {
        signal?.throwIfAborted()
        return this.#store.read(({ images }) => images.hits(row.number, slots, groupBy?.field))
      },
      metadataOf: (slots, onText) => this.#store.read(({ images }) => images.metadataTexts(row.number, slots, onText)),
      copies: {
        scores: (query, slots) => this.#store.copies.scores(row.number, query, slots),
        likeness: (rows, columns, least) => this.#store.copies.likeness(row.number, rows, columns, least),
        find: (query, least) => this.#store.copies.find(row.number, query, least),
      },
    }
  }

  /** Where a thread of its own can read all of it. @throws AlikeError `model_mismatch` */
  source(gallery: string): GallerySource {
    const { number, dimension } = this.#requireServed(gallery)
    return { path: this.#store.path, number, dimension }
  }

  /** The nearest others of stored pictures by slot, of as many as a slice of the index's time has room for. @throws AlikeError `model_mismatch` */
  async neighbours(gallery: string, request: NeighboursRequest): Promise<SlotNeighbours> {
    const { index } = await this.#served(gallery)
    return index.neighbours(request)
  }

  /** Of all galleries, by name. */
  readings(): GalleryReading[] {
    return this.#store.read(({ galleries }) => galleries.counts()).map((row) => this.#readingOf(row))
  }

  /** Of one as it was looked at, which may be gone by now. */
  reading({ name, uid, count, modelId: model_id, dimension }: GalleryRecord): GalleryReading {
    return this.#readingOf({ name, uid, count, model_id, dimension })
  }

  #readingOf(row: GalleryCount): GalleryReading {
    const { size, tombstones, pending, building, rebuilds } = this.#indexes.reading(row.uid) ?? noReading
    return {
      gallery: row.name ?? '',
      images: row.count,
      searchable: this.#isServed(row),
      size,
      tombstones,
      pending,
      building,
      rebuilds,
    }
  }

  /** Writes the graph of every gallery that changed. */
  saveGraphCaches(): Promise<void> {
    return this.#indexes.saveAll()
  }

  /** Finishes accepted writes, writes graph caches, ends the threads, gives the lock back. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#writesUnderWay)
      await this.#indexes.saveAll()
      await this.#indexes.close()
      await this.#store.close()
    })()
    return this.#closing
  }

  #isServed(row: Pick<GalleryRow, 'model_id' | 'dimension'>): boolean {
    return row.model_id === this.#options.model.id && row.dimension === this.#options.model.dimension
  }

  #requireServed(gallery: string): GalleryRow {
    const row = this.#store.gallery(gallery)
    if (!this.#isServed(row)) {
      throw new AlikeError('model_mismatch', {
        detail: `The gallery belongs to model ${row.model_id}; ${this.#options.model.id} is served.`,
      })
    }
    return row
  }

  async #served(gallery: string): Promise<{ row: GalleryRow; index: VectorIndex }> {
    const row = this.#requireServed(gallery)
    return { row, index: await this.#indexes.open(row) }
  }

  /** Of a gallery that was made; one that was deleted again in this moment needs none. */
  async #openIndex({ name, uid }: GalleryRecord): Promise<void> {
    const row = this.#store.read(({ galleries }) => galleries.find(name))
    if (row?.uid === uid) await this.#apply(() => this.#indexes.open(row))
  }

  /** Brings a committed change into the index; a gallery that was deleted meanwhile has none. */
  async #apply(change: () => Promise<unknown>): Promise<void> {
    try {
      await change()
    } catch (error) {
      if (!(error instanceof AlikeError && error.code === 'gallery_not_found')) throw error
    }
  }

  /** Bounded, and waited for by `close`. */
  async #write<Result>(write: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new AlikeError('shutting_down')
    if (this.#writesUnderWay.size >= this.#storage.writeQueueMax)
      throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
    const writing = write()
    this.#writesUnderWay.add(writing)
    try {
      return await writing
    } finally {
      this.#writesUnderWay.delete(writing)
    }
  }

  #fail(error: AlikeError): void {
    this.#failure ??= error
    this.#options.logger.fatal({ err: error }, 'storage has failed; restart the process')
  }
}

/** @throws AlikeError `data_unreadable` when the folder is in use, damaged or of a newer version. */
export function openGalleries(options: GalleriesOptions): Promise<Galleries> {
  return Galleries.open(options)
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

function packed(added: { slot: number; vector: Float32Array }[], dimension: number): SlotVectors {
  const vectors = new Float32Array(added.length * dimension)
  added.forEach(({ vector }, i) => vectors.set(vector, i * dimension))
  return { slots: Uint32Array.from(added, ({ slot }) => slot), vectors }
}

/** Sending a view of a larger buffer to a thread would send all of the buffer. */
function withoutSurroundings(image: PutImage): PutImage {
  const { vector, thumbnail, copyDescriptor } = image
  return {
    ...image,
    vector: vector.byteLength === vector.buffer.byteLength ? vector : vector.slice(),
    ...(copyDescriptor && { copyDescriptor: Uint8Array.from(copyDescriptor) }),
    ...(thumbnail && {
      thumbnail: thumbnail.byteLength === thumbnail.buffer.byteLength ? thumbnail : Uint8Array.from(thumbnail),
    }),
  }
}
