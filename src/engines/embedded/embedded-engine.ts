/**
 * The in-process engine: SQLite holds the truth, the in-memory graph is derived from it. It also keeps the catalogue of
 * galleries, the jobs, judgements, decisions and layouts, whichever engine a gallery lives in.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { AlikeError } from '../../errors.js'
import { cachedCatalogue } from '../../gallery/cached-catalogue.js'
import type { Catalogue } from '../../gallery/catalogue.js'
import type { DecisionStore } from '../../gallery/decisions.js'
import type { EmbeddingSet, Engine } from '../../gallery/engine.js'
import type { FeedbackStore } from '../../gallery/feedback.js'
import type { LayoutStore } from '../../gallery/layout.js'
import type { JobStore } from '../../jobs/job-store.js'
import type { OriginalUses } from '../../originals/garbage.js'
import { FilterSlots } from './filter-slots.js'
import { GalleryIndexes, type IndexedSet } from './gallery-indexes.js'
import { NumberedSets } from './numbered-sets.js'
import type { SetParts } from './set-changes.js'
import { type StorageSettings, storageDefaults } from './storage-settings.js'
import { storedCatalogue } from './store/catalogue/stored-catalogue.js'
import { GalleryStore } from './store/gallery-store.js'
import { storedLayouts } from './store/images/stored-layouts.js'
import { storedOriginalUses } from './store/images/stored-original-uses.js'
import { storedJobs } from './store/jobs/stored-jobs.js'
import { storedDecisions } from './store/judgements/stored-decisions.js'
import { storedFeedback } from './store/judgements/stored-feedback.js'
import { StoredSet } from './stored-set.js'
import { type IndexSettings, indexDefaults } from './vector-index/vector-index.js'

export interface EmbeddedOptions {
  /** Created if missing; locked against a second process. */
  dataDir: string
  index?: Partial<IndexSettings> | undefined
  storage?: Partial<StorageSettings> | undefined
  logger: Logger
  /**
   * How a picture with a damaged record is treated. `refused`: reading it fails; `named`: only its id is returned, with
   * `unreadable`. Default `refused`.
   */
  damagedRecords?: 'refused' | 'named' | undefined
  /** Another catalogue lists the galleries; this one only numbers their sets. Default false. */
  cataloguedElsewhere?: boolean | undefined
  /** Called for each rebuilt graph, for a metric. */
  onIndexRebuild?: (() => void) | undefined
  /** The time written to records. */
  clock?: (() => Date) | undefined
}

export class EmbeddedEngine implements Engine {
  readonly catalogue: Catalogue
  readonly jobs: JobStore
  readonly feedback: FeedbackStore
  readonly decisions: DecisionStore
  readonly layouts: LayoutStore
  /** For garbage collection of originals that no picture uses. */
  readonly originalUses: OriginalUses
  readonly #logger: Logger
  /** If another catalogue lists them: other processes may read it, too, and only one of them has the set. */
  readonly #numbers: NumberedSets | undefined
  readonly prepare?: NonNullable<Engine['prepare']>
  readonly has?: NonNullable<Engine['has']>
  readonly #parts: SetParts
  /** Keyed by uid. */
  readonly #sets = new Map<string, { opening: Promise<StoredSet>; isReady: boolean }>()
  #failure: AlikeError | undefined
  #closing: Promise<void> | undefined

  private constructor(
    { dataDir, index, logger, cataloguedElsewhere = false, onIndexRebuild, clock = () => new Date() }: EmbeddedOptions,
    storage: StorageSettings,
    store: GalleryStore,
  ) {
    this.#logger = logger
    const now = () => clock().toISOString()
    const indexes = new GalleryIndexes({
      store,
      folder: join(dataDir, 'index'),
      index: { ...indexDefaults, ...index },
      graphCaches: storage,
      logger,
      onRebuild: () => onIndexRebuild?.(),
      onFailure: (error) => this.#fail(error),
    })
    this.#parts = { store, indexes, filters: new FilterSlots(store), storage, now }
    this.catalogue = cachedCatalogue(storedCatalogue(store, now))
    if (cataloguedElsewhere) {
      const numbers = new NumberedSets({ catalogue: this.catalogue, store, logger })
      this.#numbers = numbers
      this.prepare = (set, _, isPrepared) => numbers.prepare(set, isPrepared)
      this.has = ({ uid }) => numbers.has(uid)
    }
    this.jobs = storedJobs(store, now)
    this.originalUses = storedOriginalUses(store)
    this.feedback = storedFeedback(store, storage.feedbackMax)
    this.decisions = storedDecisions(store, now, storage.decisionsMax)
    this.layouts = storedLayouts(store, now)
  }

  static async start(options: EmbeddedOptions): Promise<EmbeddedEngine> {
    const storage = { ...storageDefaults, ...options.storage }
    const failure: { report?: (error: AlikeError) => void } = {}
    const { dataDir, damagedRecords, logger } = options
    const onFailure = (error: AlikeError) => failure.report?.(error)
    const { databaseMaxBytes: maxBytes, writeQueueMax: writesMax } = storage
    const store = await GalleryStore.open({ dataDir, maxBytes, writesMax, damagedRecords, onFailure, logger })
    const engine = new EmbeddedEngine(options, storage, store)
    failure.report = (error) => engine.#fail(error)
    try {
      await engine.#parts.indexes.eraseForeign(store.read(({ sets }) => sets.uids()))
      return engine
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  /** This engine runs in this process, so it is always reachable. */
  readonly unreachable = undefined
  readonly awayMaxMs = 30 * 86_400_000

  /** Set when one of its threads has died: the process should be restarted. */
  get failure(): AlikeError | undefined {
    return this.#failure
  }

  /** Why writes are refused, as a sentence; undefined while they are accepted. */
  get readOnly(): string | undefined {
    return this.#parts.store.readOnly
  }

  /** @throws AlikeError `storage_full` while writes are refused */
  expectWritable(): void {
    this.#parts.store.expectWritable()
  }

  /** Unacknowledged writes. */
  get writeQueueDepth(): number {
    return this.#parts.store.writes.depth
  }

  /** Vectors not yet linked into a graph; searches find them anyway. */
  get indexQueueDepth(): number {
    return this.#parts.indexes.pending
  }

  /** Questions to the copies thread that are still unanswered. */
  get copyQueueDepth(): number {
    return this.#parts.store.copies.depth
  }

  open(set: EmbeddingSet): Promise<StoredSet> {
    const { uid, state } = set
    const known = this.#sets.get(uid)
    const isReady = known?.isReady === true || state === 'ready'
    if (known !== undefined && known.isReady === isReady) return known.opening
    // a set opened before its model was installed has no index yet
    const opened = { opening: known === undefined ? this.#openNow(set) : this.#indexed(uid, known.opening), isReady }
    this.#sets.set(uid, opened)
    opened.opening.catch(() => this.#sets.get(uid) === opened && this.#sets.delete(uid))
    return opened.opening
  }

  /** Its rows are removed in the background, after its gallery has left the catalogue. */
  async drop({ uid }: Pick<EmbeddingSet, 'uid'>): Promise<void> {
    await this.#forget(uid)
    await this.#numbers?.removeIfPossible(uid)
  }

  /**
   * What another catalogue removed while nothing could be written here, or just before the process died.
   * @throws AlikeError `storage_full`, `overloaded`
   */
  async free({ uid }: Pick<EmbeddingSet, 'uid'>): Promise<boolean> {
    if (this.#numbers?.has(uid) !== true) return false
    await this.#forget(uid)
    await this.#numbers.remove(uid)
    return true
  }

  /** Writes the graph of every set that has changed. */
  saveGraphCaches(): Promise<void> {
    return this.#parts.indexes.saveAll()
  }

  /** Finishes accepted writes, writes graph caches, ends the threads, releases the lock. */
  close(): Promise<void> {
    const { indexes, store } = this.#parts
    this.#closing ??= (async () => {
      await store.writes.close()
      await indexes.saveAll()
      await indexes.close()
      await store.close()
    })()
    return this.#closing
  }

  async #openNow(set: EmbeddingSet): Promise<StoredSet> {
    const { uid, state } = set
    this.#numbers?.expect(set)
    const row = this.#rowOf(uid)
    return new StoredSet(this.#parts, row, state === 'ready' ? await this.#parts.indexes.open(row) : undefined)
  }

  async #forget(uid: string): Promise<void> {
    const { filters, indexes } = this.#parts
    const opened = await this.#sets.get(uid)?.opening.catch(() => undefined)
    this.#sets.delete(uid)
    if (opened !== undefined) filters.forget(opened.number)
    await indexes.erase(uid)
  }

  async #indexed(uid: string, opening: Promise<StoredSet>): Promise<StoredSet> {
    const opened = await opening
    opened.become(await this.#parts.indexes.open(this.#rowOf(uid)))
    return opened
  }

  #rowOf(uid: string): IndexedSet {
    return this.#parts.store.read(({ galleries, sets }) => {
      const { number, gallery, model_id, dimension, next_slot } = sets.ofUid(uid)
      return { number, uid, model_id, dimension, next_slot, name: galleries.get(gallery).name }
    })
  }

  #fail(error: AlikeError): void {
    this.#failure ??= error
    this.#logger.fatal({ err: error }, 'storage has failed; restart the process')
  }
}

/** @throws AlikeError `data_unreadable` when the folder is in use, damaged or from a newer version. */
export function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  return EmbeddedEngine.start(options)
}
