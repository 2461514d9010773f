/** A gallery's embedding sets as an operator changes them: another one is built, compared, made to serve, rolled back, removed. */
import { randomUUID } from 'node:crypto'
import { AlikeError } from '../errors.js'
import type { GallerySet } from '../gallery/gallery-sets.js'
import type { JsonValue } from '../gallery/records.js'
import { activeJobStates, type JobRecord } from '../jobs/job.js'
import type { JobLogger } from '../jobs/job-logger.js'
import type { JobReport, Jobs } from '../jobs/jobs.js'
import type { Webhooks } from '../jobs/webhooks.js'
import type { ReEmbeddingTask } from './re-embedding-runner.js'
import { aboutOf, asStored, type SetAbout, servingOf, type WithoutOriginal } from './set-about.js'
import { exchangeSets, type SetExchangeParts } from './set-exchange.js'
import type { SetExclusion } from './set-exclusion.js'

export interface EmbeddingSetsOptions extends SetExchangeParts {
  jobs: Jobs
  webhooks: Webhooks
  exclusion: SetExclusion
  /** Pictures embedded in a second unless a caller asks for another number; 0: as many as there is room for. */
  reEmbeddingRateMax: number
  /** Models in memory at once. */
  modelsOpenMax: number
  /** Which of them is always in memory. */
  standardModelId: string
  logger: JobLogger
}

export interface BuildWishes {
  /** Left out: as the set was built before, or `fail`. */
  withoutOriginal?: WithoutOriginal | undefined
  /** No more than the setting, where that is not 0. */
  ratePerSecond?: number | undefined
  /** Of the sample that both sets are judged on. Default 1. */
  seed?: number | undefined
  priority?: number | undefined
  webhook?: string | undefined
}

/** A set as it is told. */
export interface ToldSet extends Omit<GallerySet, 'about'> {
  about: SetAbout
  /** That is not over. */
  job: JobRecord | undefined
}

const retentionCheckMs = 60_000

export class EmbeddingSets {
  readonly #options: EmbeddingSetsOptions
  readonly #timer: NodeJS.Timeout

  constructor(options: EmbeddingSetsOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.removeOverdue(), retentionCheckMs).unref()
  }

  /** In the order of their making. @throws AlikeError `gallery_not_found` */
  async list(gallery: string): Promise<ToldSet[]> {
    const sets = await this.#options.galleries.sets.list(gallery)
    const jobs = await this.#activeJobs(gallery)
    return sets.map((set) => ({ ...set, about: aboutOf(set), job: jobs.find((job) => setUidOf(job) === set.uid) }))
  }

  /**
   * A job that builds the set of this model, or compares and judges it again where it is complete. One that is not over is told
   * instead of another.
   * @throws AlikeError `gallery_not_found`, `model_not_found`, `set_exists`, `models_full`, `job_queue_full`, `storage_full`,
   * `webhook_disabled`, `overloaded`
   */
  async build(gallery: string, model: string, wishes: BuildWishes = {}): Promise<JobReport & { created: boolean }> {
    const { jobs, webhooks } = this.#options
    const { webhook } = wishes
    if (webhook !== undefined) webhooks.expectAllowed(webhook)
    await jobs.expectRoom('re-embedding')
    // a job that begins while sets are exchanged would go on from the one that does not serve any more
    return this.#options.exclusion.alone(gallery, () => this.#buildNow(gallery, model, wishes))
  }

  async #buildNow(gallery: string, model: string, wishes: BuildWishes): Promise<JobReport & { created: boolean }> {
    const { galleries, jobs, reEmbeddingRateMax } = this.#options
    const { ratePerSecond = 0, seed = 1, priority, webhook } = wishes
    const { id: modelId } = galleries.models.get(model)
    const known = (await this.list(gallery)).find((set) => set.modelId === modelId)
    if ((await galleries.sets.serving(gallery)).modelId === modelId)
      throw new AlikeError('set_exists', { detail: 'This model serves the gallery.' })
    if (known?.job !== undefined) return { ...(await jobs.report(known.job.id)), created: false }
    await this.#expectRoomInMemory(gallery, modelId)
    const withoutOriginal = wishes.withoutOriginal ?? known?.about.withoutOriginal ?? 'fail'
    const set = known ?? (await galleries.sets.add(gallery, modelId, asStored({ withoutOriginal })))
    if (known !== undefined && known.about.withoutOriginal !== withoutOriginal)
      await galleries.sets.change(known.uid, { about: asStored({ ...known.about, withoutOriginal }) })
    // of both, 0 is no bound
    const rate = Math.min(ratePerSecond || Infinity, reEmbeddingRateMax || Infinity)
    const task: ReEmbeddingTask = {
      setUid: set.uid,
      withoutOriginal,
      ratePerSecond: rate === Infinity ? 0 : rate,
      seed,
    }
    const source = { ...task } as { [key: string]: JsonValue }
    return jobs.create({ id: randomUUID(), kind: 're-embedding', gallery, source, priority, webhook })
  }

  /**
   * The job would take the model that serves out of memory, and searches would wait for one or be refused. The standard model
   * is in memory besides. @throws AlikeError `models_full`
   */
  async #expectRoomInMemory(gallery: string, modelId: string): Promise<void> {
    const { galleries, standardModelId, modelsOpenMax } = this.#options
    const needed = new Set([standardModelId, (await galleries.sets.serving(gallery)).modelId, modelId]).size
    if (needed <= modelsOpenMax) return
    throw new AlikeError('models_full', {
      detail: `${needed} models would be in memory at once; MODELS_OPEN_MAX allows ${modelsOpenMax}.`,
    })
  }

  /**
   * The set of this model serves from now on; the one that did is kept up to date for some days. A set that served before can
   * serve again at once.
   * @throws AlikeError `set_not_found`, `set_not_ready`, `gate_not_passed` and `originals_missing` unless forced, `model_mismatch`, `overloaded`, `storage_full`
   */
  serve(gallery: string, model: string, { force = false }: { force?: boolean | undefined } = {}): Promise<void> {
    return this.#options.exclusion.alone(gallery, () => this.#serveNow(gallery, model, force))
  }

  async #serveNow(gallery: string, model: string, force: boolean): Promise<void> {
    const { galleries } = this.#options
    const { set, serving } = await this.#found(gallery, model)
    if (set.modelId === serving.modelId) return // a copy of it begins to serve by a move
    if (set.stage === 'building') throw new AlikeError('set_not_ready')
    // it would go on to write what the set before holds into the one that serves
    if (set.job !== undefined)
      throw new AlikeError('set_not_ready', { detail: 'Its job is not over; wait for it, or cancel it.' })
    if (!galleries.models.has(set.modelId)) throw new AlikeError('model_mismatch')
    const { gate } = set.about
    const passed = set.stage === 'kept' || (gate?.passed === true && gate.servingModelId === serving.modelId)
    if (!passed && !force)
      throw new AlikeError('gate_not_passed', { detail: gate?.reasons.join(' ') || 'It was not judged yet.' })
    const mayLack = force || set.about.withoutOriginal === 'leave_out'
    await exchangeSets(this.#options, gallery, { set, serving, mayLack })
    this.#options.logger.info(
      { gallery, modelId: set.modelId, before: serving.modelId, forced: !passed, rolledBack: set.stage === 'kept' },
      'gallery switched to another embedding set',
    )
  }

  /** With its job, if one is not over. @throws AlikeError `set_not_found`, `set_in_use`, `storage_full`, `overloaded` */
  remove(gallery: string, model: string): Promise<void> {
    return this.#options.exclusion.alone(gallery, async () => {
      const { set, serving } = await this.#found(gallery, model)
      if (set === serving) throw new AlikeError('set_in_use')
      await this.#removeNow(gallery, set)
    })
  }

  /** Sets that served and were kept long enough. */
  async removeOverdue(): Promise<void> {
    const { followers, logger } = this.#options
    for (const gallery of followers.galleries)
      try {
        await this.#options.exclusion.alone(gallery, () => this.#removeOverdueOf(gallery))
      } catch (err) {
        logger.warn({ err, gallery }, 'an expired embedding set could not be deleted; retrying later')
      }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #removeOverdueOf(gallery: string): Promise<void> {
    const { now = () => new Date() } = this.#options
    for (const set of await this.list(gallery)) {
      const { keptUntil } = set.about
      if (set.stage !== 'kept' || keptUntil === undefined || new Date(keptUntil) > now()) continue
      if (set.job !== undefined) continue // somebody wants it: to move back, or to judge it again
      await this.#removeNow(gallery, set)
    }
  }

  async #removeNow(gallery: string, set: ToldSet): Promise<void> {
    const { galleries, jobs, mirrors, followers, logger } = this.#options
    if (set.job !== undefined) await jobs.cancel(set.job.id)
    await followers.stop(gallery)
    try {
      await galleries.sets.remove(gallery, set)
    } catch (error) {
      if (set.stage !== 'building') followers.start(gallery, set.uid)
      throw error
    }
    mirrors.forget(set.uid)
    logger.info({ gallery, modelId: set.modelId }, 'embedding set deleted')
  }

  /** Of two of the model, which a move makes, the one that does not serve. */
  async #found(gallery: string, model: string): Promise<{ set: ToldSet; serving: ToldSet }> {
    const sets = await this.list(gallery)
    const modelId = this.#idOf(model)
    const ofModel = sets.filter((one) => one.modelId === modelId)
    const set = ofModel.find(({ stage }) => stage !== 'serving') ?? ofModel[0]
    if (set === undefined) throw new AlikeError('set_not_found')
    return { set, serving: servingOf(sets) }
  }

  /** Of a model by id or name; one that is not here has its id only. */
  #idOf(model: string): string {
    try {
      return this.#options.galleries.models.get(model).id
    } catch (error) {
      if (error instanceof AlikeError && error.code === 'model_not_found') return model
      throw error
    }
  }

  async #activeJobs(gallery: string): Promise<JobRecord[]> {
    const states = [...activeJobStates]
    return (await this.#options.jobs.list({ gallery, kinds: ['re-embedding', 'move'], states })).map(({ job }) => job)
  }
}

function setUidOf({ source }: JobRecord): string | undefined {
  return (source as unknown as ReEmbeddingTask).setUid
}
