/**
 * Snapshots of the data: copies stored beside it, written while the service runs, to be downloaded and kept elsewhere.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { asStorageError } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { CalledThread } from '../worker-calls/called-thread.js'
import { RunControl } from '../worker-calls/run-control.js'
import { openArchive, type SnapshotArchive } from './archive.js'
import { type BackupManifest, databaseName, snapshotIdAt } from './backup-manifest.js'
import { SnapshotFolder } from './snapshot-folder.js'
import type { SnapshotCalls, SnapshotThreadData } from './snapshot-protocol.js'

export const snapshotStates = ['writing', 'ready', 'failed', 'damaged'] as const

export interface SnapshotRecord {
  id: string
  state: (typeof snapshotStates)[number]
  /** 0 to 1. */
  share: number
  /** ISO 8601. */
  createdAt: string | null
  manifest: BackupManifest | null
  failure: { code: string; detail: string } | null
}

export interface SnapshotsOptions {
  dataDir: string
  /** Maximum snapshots in the data folder. */
  max: number
  modelId: string
  serviceVersion: string
  logger: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  /** Called before one is started; throws while the database is read-only. */
  expectWritable?: (() => void) | undefined
  /** Called for each that has ended; the time is that of its data. */
  onEnd?: (outcome: 'ready' | 'failed') => void
  /** Called once at start and after each written snapshot. */
  onNewest?: (createdAt: Date) => void
  clock?: () => Date
}

interface Writing {
  id: string
  createdAt: string
  control: RunControl
  ended: Promise<void>
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #folder: SnapshotFolder
  #writing: Writing | undefined
  /** The last failed one, until another is started. */
  #failed: SnapshotRecord | undefined
  #closing = false

  private constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#folder = new SnapshotFolder(options.dataDir)
  }

  /** Removes what a previous process left unfinished. */
  static async open(options: SnapshotsOptions): Promise<Snapshots> {
    const snapshots = new Snapshots(options)
    await snapshots.#folder.sweep()
    const newest = (await snapshots.list()).find(({ state }) => state === 'ready')
    if (newest?.createdAt != null) options.onNewest?.(new Date(newest.createdAt))
    return snapshots
  }

  /**
   * Starts a snapshot and resolves immediately; `get` says when it is ready.
   * @throws AlikeError `snapshot_under_way`, `snapshots_full`, `storage_full`
   */
  async create(): Promise<SnapshotRecord> {
    if (this.#closing) throw new AlikeError('shutting_down')
    if (this.#writing !== undefined) throw new AlikeError('snapshot_under_way')
    this.#options.expectWritable?.()
    const createdAt = (this.#options.clock?.() ?? new Date()).toISOString()
    const writing: Writing = {
      id: snapshotIdAt(createdAt, randomBytes(3).toString('hex')),
      createdAt,
      control: new RunControl(),
      ended: Promise.resolve(),
    }
    this.#writing = writing // before the first await, so that there is only one
    const begun = this.#begin(writing.id)
    writing.ended = begun.then(
      () => this.#write(writing),
      () => {},
    )
    await begun
    return this.#recordOf(writing)
  }

  /** @throws AlikeError as `create` does */
  async #begin(id: string): Promise<void> {
    try {
      const { max } = this.#options
      if ((await this.#folder.ids()).length >= max)
        throw new AlikeError('snapshots_full', { detail: `The maximum is ${max}; delete one.` })
      await this.#folder.begin(id)
      this.#failed = undefined
    } catch (error) {
      this.#writing = undefined
      throw asStorageError(error)
    }
  }

  /** Newest first. */
  async list(): Promise<SnapshotRecord[]> {
    const records = [this.#writing && this.#recordOf(this.#writing), this.#failed] // one may end while the others are read
    const ids = (await this.#folder.ids()).filter((id) => records.every((record) => record?.id !== id))
    return [...records, ...(await Promise.all(ids.map((id) => this.#stored(id))))].filter(
      (record) => record !== undefined,
    )
  }

  /** @throws AlikeError `snapshot_not_found` */
  async get(id: string): Promise<SnapshotRecord> {
    if (this.#writing?.id === id) return this.#recordOf(this.#writing)
    if (this.#failed?.id === id) return this.#failed
    const stored = (await this.#folder.has(id)) ? await this.#stored(id) : undefined
    if (stored === undefined) throw new AlikeError('snapshot_not_found')
    return stored
  }

  /** @throws AlikeError `snapshot_not_found`, also for one that failed; `snapshot_not_ready`, `snapshot_damaged` */
  async archive(id: string): Promise<SnapshotArchive> {
    const { state, manifest } = await this.get(id)
    if (state === 'damaged') throw new AlikeError('snapshot_damaged')
    if (state === 'writing') throw new AlikeError('snapshot_not_ready')
    if (manifest === null) throw new AlikeError('snapshot_not_found', { detail: 'It could not be written.' })
    return openArchive(this.#folder.pathOf(id), manifest)
  }

  /** Stops it if it is being written. @throws AlikeError `snapshot_not_found` */
  async remove(id: string): Promise<void> {
    if (this.#writing?.id === id) await this.#stop() // too late if it has just been written
    if (this.#failed?.id === id) {
      this.#failed = undefined
      return
    }
    if (!(await this.#folder.has(id))) throw new AlikeError('snapshot_not_found')
    await this.#folder.remove(id).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new AlikeError('snapshot_not_found') : error
    })
  }

  /** Stops the snapshot being written. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#stop()
  }

  async #stop(): Promise<void> {
    if (this.#writing === undefined) return
    this.#writing.control.stop()
    await this.#writing.ended
  }

  async #write(writing: Writing): Promise<void> {
    const { id, createdAt } = writing
    const { logger, onEnd, onNewest } = this.#options
    const startedAt = performance.now()
    const facts = () => ({ snapshot: id, durationMs: Math.round(performance.now() - startedAt) })
    try {
      const manifest = await this.#writeFiles(writing)
      onNewest?.(new Date(createdAt))
      onEnd?.('ready')
      const { damagedGalleries, damagedImages } = manifest
      if (damagedGalleries !== undefined)
        logger.warn({ ...facts(), damagedGalleries }, 'galleries in the snapshot have damaged records: delete them')
      if (damagedImages !== undefined)
        logger.warn(
          { ...facts(), damagedImages },
          'pictures in the snapshot are damaged: store them again, or delete them',
        )
      logger.info({ ...facts(), images: manifest.images, bytes: manifest.files[0]?.bytes }, 'snapshot written')
    } catch (error) {
      await this.#folder.discard(id).catch(() => {}) // swept at the next start
      const { code, message } = error instanceof AlikeError ? error : new AlikeError('internal', { cause: error })
      this.#failed = { id, state: 'failed', share: 0, createdAt, manifest: null, failure: { code, detail: message } }
      onEnd?.('failed')
      logger.warn({ ...facts(), err: error }, 'snapshot failed')
    } finally {
      this.#writing = undefined
    }
  }

  async #writeFiles({ id, createdAt, control }: Writing): Promise<SnapshotFacts> {
    const { dataDir, modelId, serviceVersion } = this.#options
    const thread = new CalledThread<SnapshotCalls>({
      name: 'snapshot',
      file: new URL('./snapshot-worker.js', import.meta.url),
      data: { control: control.shared } satisfies SnapshotThreadData,
      onFailure: () => {}, // its only call is rejected; nothing else depends on it
    })
    try {
      const to = join(`${this.#folder.pathOf(id)}.writing`, databaseName)
      const { contents, file } = await thread.call('write', { from: join(dataDir, databaseName), to })
      const facts = {
        formatVersion: 1 as const,
        id,
        createdAt,
        serviceVersion,
        modelId,
        ...contents,
        files: [{ name: databaseName, ...file }],
      }
      await this.#folder.keep(id, facts)
      return facts
    } catch (error) {
      throw asStorageError(error)
    } finally {
      await thread.close()
    }
  }

  /** Undefined if it has just been deleted. */
  async #stored(id: string): Promise<SnapshotRecord | undefined> {
    const manifest = (await this.#folder.manifest(id)) ?? null
    if (manifest === null) {
      if (!(await this.#folder.has(id))) return undefined
      return { id, state: 'damaged', share: 1, createdAt: null, manifest, failure: null }
    }
    return { id, state: 'ready', share: 1, createdAt: manifest.createdAt, manifest, failure: null }
  }

  #recordOf({ id, createdAt, control }: Writing): SnapshotRecord {
    return {
      id,
      state: 'writing',
      share: control.done / 1_000,
      createdAt,
      manifest: null,
      failure: null,
    }
  }
}

type SnapshotFacts = Omit<BackupManifest, 'manifestSha256'>
