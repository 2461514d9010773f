/**
 * Recent query pictures, kept if a gallery's settings ask for it: for a number of days, up to a number per gallery, each
 * once. They are stored after the search has been answered; if too many are waiting, further ones are skipped.
 */

import type { Logger } from 'pino'
import { contentHashOf } from '../content-hash.js'
import { hasCode } from '../errors.js'
import { OneAfterAnother } from '../one-after-another.js'
import { DeniedRemovals } from './denied-removals.js'
import type { OriginalStore } from './original-store.js'
import { type QueryStores, whenever } from './query-stores.js'

export interface KeptQueriesOptions {
  stores: QueryStores
  /** For a gallery given by name. */
  rules(gallery: string): Promise<{ galleryUid: string; keepQueries: number }>
  /** For all galleries, by uid: how many queries to keep. */
  wanted(): Promise<ReadonlyMap<string, number>>
  /** Days after which a query is deleted; using it again renews it. */
  days: number
  /** For a metric. */
  onQuery?: ((what: 'kept' | 'skipped' | 'removed', count: number) => void) | undefined
  logger: Logger
  now?: (() => Date) | undefined
}

interface Kept {
  bytes: number
  putAt: number
}

/** Maximum pictures waiting to be stored, over all galleries. */
const waitingMax = 8
const sweepEveryMs = 3_600_000
const dayMs = 86_400_000

export class KeptQueries {
  readonly #options: KeptQueriesOptions
  /** By gallery uid and content hash, oldest first. */
  readonly #kept = new Map<string, Map<string, Kept>>()
  readonly #removals: DeniedRemovals
  readonly #timer: NodeJS.Timeout
  /** Serialises changes. */
  readonly #turns = new OneAfterAnother()
  #waiting = 0

  constructor(options: KeptQueriesOptions) {
    this.#options = options
    this.#removals = new DeniedRemovals({ what: 'kept queries', logger: options.logger })
    this.#timer = setInterval(() => void this.sweep().catch(() => {}), sweepEveryMs).unref()
  }

  /** Covers the galleries this process has read so far. */
  get reading(): { count: number; bytes: number } {
    const all = [...this.#kept.values()].flatMap((kept) => [...kept.values()])
    return { count: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  /** Called for an answered search; resolves when the picture has been stored or skipped. */
  async offer(gallery: string, bytes: Uint8Array): Promise<void> {
    const { rules, onQuery, logger } = this.#options
    if (this.#waiting >= waitingMax) return onQuery?.('skipped', 1)
    this.#waiting++
    try {
      const before = await rules(gallery)
      if (before.keepQueries === 0) return
      // check again in its turn: deleted queries of a gallery must not reappear after its deletion or a change of its
      // rules
      await this.#turns.run(async () => {
        const { galleryUid, keepQueries } = await rules(gallery)
        if (galleryUid === before.galleryUid && keepQueries > 0) await this.#put(galleryUid, keepQueries, bytes)
      })
    } catch (err) {
      onQuery?.('skipped', 1)
      logger.warn({ err, gallery }, 'a query could not be kept')
    } finally {
      this.#waiting--
    }
  }

  /** Deletes surplus queries of a gallery. */
  trim(galleryUid: string, keepQueries: number): Promise<void> {
    return this.#turns.run(async () => {
      if (keepQueries === 0) await this.#drop(galleryUid)
      else await this.#removeBeyond(galleryUid, keepQueries)
    })
  }

  /** Deletes all queries of a gallery; failures are left to the next sweep. */
  async forget(galleryUid: string): Promise<void> {
    try {
      await this.#turns.run(() => this.#drop(galleryUid))
    } catch (err) {
      this.#options.logger.warn({ err }, 'kept queries of a deleted gallery could not be removed; tried again later')
    }
  }

  /** Newest first. Skips those that are damaged, archived by the store, or were deleted in the meantime. */
  async *pictures(galleryUid: string, max: number): AsyncGenerator<Buffer> {
    const store = this.#options.stores.of(galleryUid)
    const kept = await this.#turns.run(() => this.#look(galleryUid, store))
    for (const contentHash of [...kept.keys()].reverse().slice(0, max)) {
      const bytes = await store.get(contentHash).catch((error: unknown) => {
        if (hasCode(error, 'data_unreadable', 'original_unreadable')) return undefined
        throw error
      })
      if (bytes !== undefined) yield bytes
    }
  }

  /** Deletes what is too old, surplus, or belongs to a deleted gallery. */
  async sweep(): Promise<void> {
    const { stores, wanted, logger } = this.#options
    try {
      const galleries = await stores.galleries() // before listing galleries, because one may be created in the meantime
      const known = await wanted()
      for (const uid of galleries.filter((one) => known.has(one))) await this.trim(uid, known.get(uid)!)
      const unknown = galleries.filter((one) => !known.has(one))
      if (unknown.length > 0 && (await stores.areOwn())) for (const uid of unknown) await this.trim(uid, 0)
    } catch (err) {
      logger.warn({ err }, 'kept queries could not be looked through; tried again later')
    }
  }

  /** Resolves when everything started has finished. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#turns.ended()
  }

  async #put(galleryUid: string, keepQueries: number, bytes: Uint8Array): Promise<void> {
    const { stores, onQuery } = this.#options
    const store = stores.of(galleryUid)
    const kept = this.#kept.get(galleryUid) ?? (await this.#look(galleryUid, store))
    const contentHash = await contentHashOf(bytes)
    await store.put(contentHash, bytes)
    kept.delete(contentHash)
    kept.set(contentHash, { bytes: bytes.length, putAt: this.#now() })
    onQuery?.('kept', 1)
    await this.#remove(store, kept, keepQueries)
  }

  async #removeBeyond(galleryUid: string, keepQueries: number): Promise<void> {
    const store = this.#options.stores.of(galleryUid)
    await this.#remove(store, await this.#look(galleryUid, store), keepQueries)
  }

  async #remove(store: OriginalStore, kept: Map<string, Kept>, keepQueries: number): Promise<void> {
    const { days, onQuery } = this.#options
    const oldest = this.#now() - days * dayMs
    let surplus = kept.size - keepQueries
    for (const [contentHash, { putAt }] of kept) {
      if (surplus-- <= 0 && putAt >= oldest) return
      if ((await this.#removals.remove(store, contentHash, whenever)) === undefined) continue
      kept.delete(contentHash)
      onQuery?.('removed', 1)
    }
  }

  async #drop(galleryUid: string): Promise<void> {
    const count = this.#kept.get(galleryUid)?.size ?? 0
    await this.#options.stores.drop(galleryUid, this.#removals)
    this.#kept.delete(galleryUid)
    if (count > 0) this.#options.onQuery?.('removed', count)
  }

  /** Lists what is stored: another process may have added some. */
  async #look(galleryUid: string, store: OriginalStore): Promise<Map<string, Kept>> {
    const found: [string, Kept][] = []
    for await (const { contentHash, bytes, putAt } of store.list())
      found.push([contentHash, { bytes, putAt: putAt.getTime() }])
    const kept = new Map(found.sort(([, a], [, b]) => a.putAt - b.putAt))
    this.#kept.set(galleryUid, kept)
    return kept
  }

  #now(): number {
    return (this.#options.now?.() ?? new Date()).getTime()
  }
}
