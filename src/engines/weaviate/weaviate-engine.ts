/** The external engine: a Weaviate server, or several equivalent ones, with one collection per set. */
import type { Logger } from 'pino'
import { AlikeError, hasCode } from '../../errors.js'
import type { EmbeddingSet, Engine, StorageWishes } from '../../gallery/engine.js'
import { ChangeClock } from './change-clock.js'
import { ImageCollection } from './image-collection.js'
import { IndexRepair } from './index-repair.js'
import { NodeNote } from './node-note.js'
import { NodeWatch } from './node-watch.js'
import { keyRefused } from './server-errors.js'
import { WeaviateServer } from './weaviate-server.js'
import { WeaviateSet } from './weaviate-set.js'
import { type CollectionLayout, type IndexTuning, tuningDefaults, type WeaviateSettings } from './weaviate-settings.js'

export interface WeaviateOptions {
  server: WeaviateSettings
  /** For sets that do not specify one. */
  layout: CollectionLayout
  tuning?: Partial<IndexTuning> | undefined
  storage?: Partial<WeaviateStorage> | undefined
  /** Whether the catalogue has a set, with its storage prepared, by whichever process. Default: it has all of them. */
  isKept?: ((set: Pick<EmbeddingSet, 'uid' | 'galleryUid'>) => Promise<boolean>) | undefined
  /** Between two attempts to remove a deleted set. */
  removalPauseMs?: number | undefined
  logger: Logger
  /** The time written to records. */
  clock?: (() => Date) | undefined
  /** Pictures were inserted into indexes again because a node had been away. */
  onRepair?: ((images: number) => void) | undefined
}

export interface WeaviateStorage {
  /** Maximum pictures per set; more are refused with `gallery_full`. */
  galleryImagesMax: number
  /** Maximum characters of the records on one page of a list. */
  pageMaxLength: number
  /** Maximum waiting changes per set; one more is refused with `overloaded`. */
  writeQueueMax: number
}

const storageDefaults: Readonly<WeaviateStorage> = Object.freeze({
  galleryImagesMax: 1_000_000_000,
  pageMaxLength: 4 * 2 ** 20,
  writeQueueMax: 1_024,
})

/** How often the server is checked. */
const checkEveryMs = 10_000
/** How often a failed removal of a set is retried. */
const removalPauseDefaultMs = 30_000

export class WeaviateEngine implements Engine {
  /** Restarting this process would not bring the server back. */
  readonly failure = undefined
  readonly readOnly = undefined
  readonly takesWishes = true
  readonly #options: WeaviateOptions
  readonly #server: WeaviateServer
  readonly #clock: ChangeClock
  /** Keyed by uid. */
  readonly #sets = new Map<string, { set: WeaviateSet; collection: ImageCollection }>()
  readonly #dropped = new Set<string>()
  readonly #removals = new Set<NodeJS.Timeout>()
  readonly #checking: NodeJS.Timeout
  readonly #watch: NodeWatch

  private constructor(options: WeaviateOptions) {
    this.#options = options
    this.#server = new WeaviateServer(options.server)
    this.#clock = new ChangeClock(options.clock ?? (() => new Date()))
    this.#checking = setInterval(() => void this.#server.expectThere().catch(() => {}), checkEveryMs).unref()
    this.#watch = this.#watchNodes()
  }

  #watchNodes(): NodeWatch {
    const { layout, logger, onRepair: onImages = () => {} } = this.#options
    const server = new WeaviateServer(this.#options.server)
    return new NodeWatch({
      server,
      note: new NodeNote(server, layout.replicas),
      repair: new IndexRepair({ server, layout, prefix: collectionOf(''), onImages }),
      onDoubt: (hosts) => this.#server.avoid(hosts),
      logger,
    })
  }

  /**
   * @throws AlikeError `engine_version_refused`, `engine_setting_refused`; `config_invalid` if it refuses the API key
   */
  static async start(options: WeaviateOptions): Promise<WeaviateEngine> {
    const engine = new WeaviateEngine(options)
    try {
      await engine.#server.expectThere()
    } catch (cause) {
      const { code, detail } = cause as AlikeError
      if (code === 'engine_unreachable' && detail !== keyRefused) {
        options.logger.error(
          { err: cause },
          'Weaviate is unavailable: requests for its galleries are refused until it is back',
        )
        return engine
      }
      await engine.close()
      if (detail !== keyRefused) throw cause
      throw new AlikeError('config_invalid', { detail: 'Weaviate refuses WEAVIATE_API_KEY.', cause })
    }
    return engine
  }

  get unreachable(): string | undefined {
    return this.#server.unreachable
  }

  /** Unacknowledged changes. */
  get writeQueueDepth(): number {
    let depth = 0
    for (const { set } of this.#sets.values()) depth += set.depth
    return depth
  }

  /** Makes no request: a set can be opened while the server is down. */
  async open(set: EmbeddingSet): Promise<WeaviateSet> {
    if (this.#dropped.has(set.uid)) throw new AlikeError('gallery_not_found')
    const opened = this.#sets.get(set.uid)
    if (opened !== undefined) {
      opened.set.become(set.state)
      return opened.set
    }
    const { layout, storage, server } = this.#options
    const { galleryImagesMax, pageMaxLength, writeQueueMax } = { ...storageDefaults, ...storage }
    const collection = this.#collectionOf(set, layout)
    const parts = {
      collection,
      clock: this.#clock,
      setImagesMax: galleryImagesMax,
      pageMaxLength,
      waitingMax: writeQueueMax,
      scanPlace: { settings: server, layout },
    }
    const made = { set: new WeaviateSet(parts, set), collection }
    this.#sets.set(set.uid, made)
    return made.set
  }

  async prepare(set: EmbeddingSet, wishes: StorageWishes, isPrepared: boolean): Promise<void> {
    if (this.#dropped.has(set.uid)) throw new AlikeError('gallery_not_found')
    const { layout } = this.#options
    const wished = { ...layout, ...wishes } as CollectionLayout
    const collection = this.#collectionOf(set, wished)
    if (isPrepared) await collection.access.expectPrepared()
    else await this.#make(set, collection)
    if (Object.keys(wishes).length === 0) return
    const made = await collection.access.layout()
    const other = (Object.keys(wishes) as (keyof CollectionLayout)[]).find((name) => made[name] !== wished[name])
    if (other !== undefined)
      throw new AlikeError('gallery_exists', { detail: `Its ${other}: ${made[other]}, not ${wished[other]}.` })
  }

  /** Removed immediately if the server answers, otherwise as soon as it does while this process runs. */
  async drop({ uid }: Pick<EmbeddingSet, 'uid'>): Promise<void> {
    const opened = this.#sets.get(uid)
    this.#dropped.add(uid)
    this.#sets.delete(uid)
    opened?.collection.access.end()
    await opened?.set.settled()
    await this.#remove(uid)
  }

  async free({ uid }: Pick<EmbeddingSet, 'uid'>): Promise<boolean> {
    this.#dropped.add(uid)
    return this.#erase(uid)
  }

  async close(): Promise<void> {
    clearInterval(this.#checking)
    for (const removal of this.#removals) clearTimeout(removal)
    for (const { set } of this.#sets.values()) await set.settled()
    await this.#watch.close({ allWritten: !this.#server.hasFailedWrites })
    await this.#server.close()
  }

  #collectionOf(set: EmbeddingSet, layout: CollectionLayout): ImageCollection {
    const { isKept } = this.#options
    const tuning = { ...tuningDefaults, ...this.#options.tuning }
    return new ImageCollection(this.#server, collectionOf(set.uid), {
      layout,
      tuning,
      isKept: isKept && (() => isKept(set)),
    })
  }

  /**
   * @throws AlikeError `gallery_not_found` if the set was dropped in the meantime, when there was nothing to remove yet
   */
  async #make({ uid }: EmbeddingSet, collection: ImageCollection): Promise<void> {
    await collection.access.make()
    if (!this.#dropped.has(uid)) return
    await this.#remove(uid)
    throw new AlikeError('gallery_not_found')
  }

  /** If there is no collection, it looks once more later: another process may still be creating it. */
  async #remove(uid: string, isLastAttempt = false): Promise<void> {
    try {
      const wasThere = await this.#erase(uid)
      if (!wasThere && !isLastAttempt) this.#removeLater(uid, true)
    } catch (err) {
      if (hasCode(err, 'shutting_down')) return
      this.#options.logger.warn(
        { err, collection: collectionOf(uid) },
        'a deleted gallery could not be removed yet; retrying later',
      )
      this.#removeLater(uid, isLastAttempt)
    }
  }

  /** @returns whether there was a collection */
  #erase(uid: string): Promise<boolean> {
    return this.#server.call(async ({ collections }) => {
      const isThere = await collections.exists(collectionOf(uid))
      if (isThere) await collections.delete(collectionOf(uid))
      return isThere
    })
  }

  #removeLater(uid: string, isLastAttempt: boolean): void {
    const { removalPauseMs = removalPauseDefaultMs } = this.#options
    const removal = setTimeout(() => {
      this.#removals.delete(removal)
      void this.#remove(uid, isLastAttempt)
    }, removalPauseMs).unref()
    this.#removals.add(removal)
  }
}

/** Names begin with a capital letter. */
function collectionOf(uid: string): string {
  return `Alike_${uid}`
}

/**
 * Starts even if the server is down: requests to its galleries fail with `engine_unreachable` until it is up.
 * @throws AlikeError `engine_version_refused`, `engine_setting_refused`; `config_invalid` if it refuses the API key
 */
export function openWeaviate(options: WeaviateOptions): Promise<WeaviateEngine> {
  return WeaviateEngine.start(options)
}
