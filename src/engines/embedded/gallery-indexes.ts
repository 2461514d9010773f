/** The indexes of the searchable sets: loaded from the database and written to disk periodically. */
import type { Logger } from 'pino'
import { type AlikeError, hasCode } from '../../errors.js'
import type { SetRow } from './store/catalogue/set-table.js'
import type { GalleryStore } from './store/gallery-store.js'
import { setVectors } from './store/images/set-vectors.js'
import { eraseForeignGraphCaches } from './vector-index/graph-cache.js'
import { IndexThreads } from './vector-index/index-threads.js'
import type { IndexReading, IndexSettings, VectorIndex } from './vector-index/vector-index.js'

export interface GraphCacheSettings {
  /** The graph is written to disk after this many changes to a gallery, or after 5 % of the gallery if that is more. */
  graphCacheAfterWrites: number
  /** … and after this many seconds if anything has changed. */
  graphCacheAfterSeconds: number
}

/** Share of a gallery that must have changed before its graph is written: the cost of writing grows with its size. */
const graphCacheShare = 0.05
/** Interval at which readings are refreshed and overdue graph caches are written. */
const tickMs = 5_000

export type IndexedSet = Pick<SetRow, 'number' | 'uid' | 'model_id' | 'dimension' | 'next_slot'> & {
  /** Name of its gallery. */
  name: string
}

interface Opened {
  name: string
  index: VectorIndex
  /** Slots with damaged embeddings: live, but not in the index. */
  damaged: Set<number>
  /** Changes since the last graph cache. */
  changes: number
  savedAtMs: number
  /** Finished graphs reported to `onRebuild`, and the number at the last graph cache. */
  rebuildsReported: number
  rebuildsSaved: number
  saving: Promise<void> | undefined
  /** The last graph cache could not be written: the next one is due although nothing has changed. */
  isUnsaved: boolean
}

export interface GalleryIndexesOptions {
  store: GalleryStore
  folder: string
  index: IndexSettings
  graphCaches: GraphCacheSettings
  logger: Logger
  onRebuild(): void
  onFailure(error: AlikeError): void
}

export class GalleryIndexes {
  readonly #options: GalleryIndexesOptions
  readonly #threads: IndexThreads
  /** Keyed by the set's uid. Promises, so that a search that arrives while an index is loading waits for it. */
  readonly #opened = new Map<string, Promise<Opened>>()
  readonly #settled = new Map<string, Opened>()
  readonly #timer: NodeJS.Timeout

  constructor(options: GalleryIndexesOptions) {
    this.#options = options
    this.#threads = new IndexThreads({ settings: options.index, onFailure: options.onFailure })
    this.#timer = setInterval(() => void this.#tick(), tickMs).unref()
  }

  /** Deletes graph caches that belong to none of these sets. */
  eraseForeign(uids: string[]): Promise<void> {
    return eraseForeignGraphCaches(this.#options.folder, uids, this.#options.index.parts)
  }

  async open(set: IndexedSet): Promise<VectorIndex> {
    let opening = this.#opened.get(set.uid)
    if (opening === undefined) {
      opening = this.#openNow(set)
      this.#opened.set(set.uid, opening)
      opening.catch(() => this.#opened.delete(set.uid))
    }
    return (await opening).index
  }

  /** The index of a set that is open or being opened. */
  async opened(uid: string): Promise<VectorIndex | undefined> {
    return (await this.#opened.get(uid)?.catch(() => undefined))?.index
  }

  async #openNow(row: IndexedSet): Promise<Opened> {
    const startedAt = performance.now()
    const damaged = new Set<number>()
    const { index, opened } = await this.#threads.open({
      dimension: row.dimension,
      nextSlot: row.next_slot,
      graphCache: { folder: this.#options.folder, galleryUid: row.uid, modelId: row.model_id },
      vectors: setVectors(this.#options.store, row, (slots) => {
        for (const slot of slots) damaged.add(slot)
      }),
    })
    const entry: Opened = {
      name: row.name,
      index,
      damaged,
      changes: index.reading.pending,
      savedAtMs: performance.now(),
      rebuildsReported: 0,
      rebuildsSaved: 0,
      saving: undefined,
      isUnsaved: false,
    }
    this.#settled.set(row.uid, entry)
    const durationMs = Math.round(performance.now() - startedAt)
    const facts = {
      gallery: row.name,
      images: index.reading.size,
      pending: index.reading.pending,
      graphCache: opened.graphCache,
      durationMs,
    }
    if (damaged.size > 0)
      this.#options.logger.error(
        { gallery: row.name, damaged: damaged.size },
        'embeddings are damaged: searches do not find their pictures; a snapshot lists them, storing them again repairs them',
      )
    if (opened.graphCache.state === 'rejected')
      this.#options.logger.warn(facts, 'gallery opened without its graph cache: rebuilding the graph')
    else this.#options.logger.info(facts, 'gallery opened')
    return entry
  }

  /** The reading of a gallery's index, if it is open. */
  reading(uid: string): IndexReading | undefined {
    return this.#settled.get(uid)?.index.reading
  }

  /** Vectors not yet linked into a graph, over all galleries. */
  get pending(): number {
    let pending = 0
    for (const { index } of this.#settled.values()) pending += index.reading.pending
    return pending
  }

  /** Pictures that a gallery's index lacks because their embeddings are damaged. */
  damaged(uid: string): number {
    return this.#settled.get(uid)?.damaged.size ?? 0
  }

  /** Call it after changes have been applied to the gallery's index. */
  countChanges(uid: string, { added = 0, retired }: { added?: number; retired: Uint32Array }): void {
    const entry = this.#settled.get(uid)
    if (entry === undefined) return
    if (entry.damaged.size > 0) for (const slot of retired) entry.damaged.delete(slot)
    entry.changes += added + retired.length
    if (
      entry.changes >=
      Math.max(this.#options.graphCaches.graphCacheAfterWrites, entry.index.reading.size * graphCacheShare)
    )
      void this.#save(entry)
  }

  /** Forgets the index and the graph cache of a dropped set. */
  async erase(uid: string): Promise<void> {
    const opening = this.#opened.get(uid)
    this.#opened.delete(uid)
    this.#settled.delete(uid)
    if (opening !== undefined) await (await opening).index.close({ erase: true })
  }

  async saveAll(): Promise<void> {
    for (const entry of this.#settled.values()) {
      await entry.saving // a save in progress may miss the latest changes
      await entry.index.refresh().catch(() => {}) // a closed index has nothing to save
      if (entry.changes > 0 || entry.isUnsaved || entry.index.reading.rebuilds > entry.rebuildsSaved)
        await this.#save(entry)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#threads.close()
  }

  /** A failed graph cache only costs time at the next start; it is written again when one is overdue, and when closing. */
  #save(entry: Opened): Promise<void> {
    if (entry.saving !== undefined) return entry.saving
    if (this.#options.store.readOnly !== undefined) {
      entry.isUnsaved = true // the last room is not for what only saves time
      return Promise.resolve()
    }
    const startedAt = performance.now()
    entry.changes = 0
    entry.rebuildsSaved = entry.index.reading.rebuilds
    entry.savedAtMs = performance.now()
    const { logger } = this.#options
    const facts = () => ({ gallery: entry.name, durationMs: Math.round(performance.now() - startedAt) })
    entry.saving = entry.index
      .saveGraphCache()
      .then((written) => {
        entry.isUnsaved = false
        if (written) logger.info(facts(), 'graph cache written')
      })
      .catch((error: unknown) => {
        if (hasCode(error, 'gallery_not_found')) return // it has been dropped
        entry.isUnsaved = true
        logger.warn({ ...facts(), err: error }, 'graph cache not written')
      })
      .then(() => void (entry.saving = undefined))
    return entry.saving
  }

  async #tick(): Promise<void> {
    for (const entry of this.#settled.values()) {
      const { index } = entry
      // Without a graph there is nothing to catch up with; a failed `refresh` of a closed index can be ignored.
      if (index.reading.pending > 0 || index.reading.building || entry.changes > 0)
        await index.refresh().catch(() => {})
      const rebuilt = index.reading.rebuilds - entry.rebuildsReported
      entry.rebuildsReported = index.reading.rebuilds
      for (let i = 0; i < rebuilt; i++) this.#options.onRebuild()
      const overdue =
        (entry.changes > 0 || entry.isUnsaved) &&
        performance.now() - entry.savedAtMs > this.#options.graphCaches.graphCacheAfterSeconds * 1_000
      if (index.reading.rebuilds > entry.rebuildsSaved || overdue) await this.#save(entry)
    }
  }
}
