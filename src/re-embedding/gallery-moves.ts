/** Moves of galleries to another engine: requested here, done by a job (`move-runner.ts`). */
import { randomUUID } from 'node:crypto'
import { AlikeError, ignoring } from '../errors.js'
import type { StorageWishes } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { GallerySet } from '../gallery/gallery-sets.js'
import type { JsonValue } from '../gallery/metadata.js'
import { activeJobStates, type JobRecord } from '../jobs/job.js'
import type { JobReport, Jobs } from '../jobs/jobs.js'
import type { Webhooks } from '../jobs/webhooks.js'
import type { MoveTask } from './move-runner.js'
import { aboutOf, type Compared, servingOf } from './set-about.js'
import type { SetExclusion } from './set-exclusion.js'

export interface GalleryMovesOptions {
  galleries: Galleries
  jobs: Jobs
  webhooks: Webhooks
  exclusion: SetExclusion
}

export interface MoveWishes extends StorageWishes {
  /** Pictures copied per second; default and 0: unlimited. */
  ratePerSecond?: number | undefined
  priority?: number | undefined
  webhook?: string | undefined
}

/** For a gallery that is moving, or has moved and is still kept in its former engine. */
export interface MoveStatus {
  /** Name of the other set's engine. */
  engine: string
  /** `copying`: the move is in progress. `kept`: the former copy, which can be moved back to at once. */
  state: 'copying' | 'kept'
  /** Pictures in that engine. */
  images: number
  job?: string | undefined
  /** Until when it is kept up to date there. */
  keptUntil?: string | undefined
  /** Result of the last comparison that allowed a switch. */
  compared?: Compared | undefined
}

export class GalleryMoves {
  readonly #options: GalleryMovesOptions

  constructor(options: GalleryMovesOptions) {
    this.#options = options
  }

  /**
   * Undefined if the gallery's sets are in one engine, or if the record of the other set is damaged.
   * @throws AlikeError `gallery_not_found`
   */
  async of(gallery: string): Promise<MoveStatus | undefined> {
    const sets = await this.#setsOf(gallery).catch(ignoring('data_unreadable'))
    if (sets?.beside === undefined || !isCopyOf(sets.beside, sets.serving)) return undefined
    const { serving, beside } = sets
    const { keptUntil } = aboutOf(beside)
    return {
      engine: beside.engine,
      state: beside.stage === 'kept' ? 'kept' : 'copying',
      images: beside.reading.images,
      job: (await this.#jobOf(gallery, serving))?.id,
      keptUntil: beside.stage === 'kept' ? keptUntil : undefined,
      compared: aboutOf(serving).compared,
    }
  }

  /**
   * Creates a job that copies the gallery while it serves, compares, and switches to the copy. A move back to a kept
   * copy only applies the changes since.
   * @throws AlikeError `gallery_not_found`, `engine_not_found`, `engine_unsupported`, `engine_unreachable`,
   * `move_same_engine`, `move_under_way`, `set_exists`, `gallery_exists` for a copy stored differently,
   * `job_queue_full`, `gallery_without_worker`, `storage_full`, `webhook_disabled`, `overloaded`
   */
  async begin(gallery: string, engine: string, wishes: MoveWishes = {}): Promise<JobReport> {
    const { jobs, webhooks, exclusion } = this.#options
    if (wishes.webhook !== undefined) webhooks.expectAllowed(wishes.webhook)
    await jobs.expectRoom('move', gallery)
    return exclusion.alone(gallery, () => this.#beginNow(gallery, engine, wishes))
  }

  async #beginNow(gallery: string, engine: string, wishes: MoveWishes): Promise<JobReport> {
    const { galleries, jobs } = this.#options
    const { ratePerSecond = 0, priority, webhook, ...storage } = wishes
    const { serving, beside } = await this.#setsOf(gallery)
    const job = await this.#jobOf(gallery, serving)
    if (job !== undefined) throw new AlikeError('move_under_way', { detail: `By job ${job.id}.` })
    galleries.sets.expectEngine(engine)
    if (serving.engine === engine) throw new AlikeError('move_same_engine')
    if (beside !== undefined && !(isCopyOf(beside, serving) && beside.engine === engine))
      throw new AlikeError('set_exists', {
        detail: 'A gallery moves with one set: remove the one that does not serve first.',
      })
    jobs.expectWorker(galleries.sets.isCopyOnlyHere(engine, beside))
    const copy = beside ?? (await galleries.sets.addCopy(gallery, engine))
    // for an existing copy, check that it is stored as requested
    await galleries.sets.prepare(copy, storage)
    const task: MoveTask = { setUid: copy.uid, ratePerSecond }
    const source = { ...task } as { [key: string]: JsonValue }
    return jobs.create({ id: randomUUID(), kind: 'move', gallery, source, priority, webhook })
  }

  async #setsOf(gallery: string): Promise<{ serving: GallerySet; beside: GallerySet | undefined }> {
    const sets = await this.#options.galleries.sets.list(gallery)
    const serving = servingOf(sets)
    return { serving, beside: sets.find((set) => set !== serving) }
  }

  /** Those of a deleted gallery with this name do not count. */
  async #jobOf(gallery: string, { galleryUid }: GallerySet): Promise<JobRecord | undefined> {
    const states = [...activeJobStates]
    const jobs = await this.#options.jobs.list({ gallery, kinds: ['move'], states })
    return jobs.find(({ job }) => job.galleryUid === galleryUid)?.job
  }
}

function isCopyOf(set: GallerySet, serving: GallerySet): boolean {
  return set.modelId === serving.modelId
}
