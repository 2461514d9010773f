/** An operator's view of a gallery's embedding sets: build another one, compare, switch, roll back, remove. */
import { randomUUID } from 'node:crypto'
import { AlikeError, hasCode, ignoring } from '../errors.js'
import type { GallerySet } from '../gallery/gallery-sets.js'
import type { JsonValue } from '../gallery/metadata.js'
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
  /** Default limit of pictures embedded per second; 0: unlimited. */
  reEmbeddingRateMax: number
  /** Maximum models in memory. */
  modelsOpenMax: number
  /** The model that is always in memory. */
  standardModelId: string
  logger: JobLogger
}

export interface BuildWishes {
  /** Default: as when the set was built before, or `fail`. */
  withoutOriginal?: WithoutOriginal | undefined
  /** Capped by the setting, unless that is 0. */
  ratePerSecond?: number | undefined
  /** Seed of the sample on which both sets are evaluated. Default 1. */
  seed?: number | undefined
  priority?: number | undefined
  webhook?: string | undefined
}

/** A set as returned by the API. */
export interface SetStatus extends Omit<GallerySet, 'about'> {
  about: SetAbout
  /** The unfinished job on it. */
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

  /** In order of creation. @throws AlikeError `gallery_not_found` */
  async list(gallery: string): Promise<SetStatus[]> {
    const sets = await this.#options.galleries.sets.list(gallery)
    const jobs = await this.#activeJobs(gallery)
    return sets.map((set) => ({ ...set, about: aboutOf(set), job: jobs.find((job) => setUidOf(job) === set.uid) }))
  }

  /**
   * Creates a job that builds the set of this model, or compares and evaluates it again if it is complete. Returns an
   * unfinished job instead of creating another.
   * @throws AlikeError `gallery_not_found`, `model_not_found`, `set_exists`, `models_full`, `job_queue_full`,
   * `gallery_without_worker`, `storage_full`, `webhook_disabled`, `overloaded`
   */
  async build(gallery: string, model: string, wishes: BuildWishes = {}): Promise<JobReport & { created: boolean }> {
    const { jobs, webhooks } = this.#options
    const { webhook } = wishes
    if (webhook !== undefined) webhooks.expectAllowed(webhook)
    await jobs.expectRoom('re-embedding', gallery)
    // a job created during a switch would copy from the set that no longer serves
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
    // 0 means unlimited in both
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
   * Without room for both models the job would unload the serving one, and searches would wait or be refused. The
   * default model is always in memory as well.
   * @throws AlikeError `models_full`
   */
  async #expectRoomInMemory(gallery: string, modelId: string): Promise<void> {
    const { galleries, standardModelId, modelsOpenMax } = this.#options
    const serving = (await galleries.sets.serving(gallery)).modelId
    const needed = new Set([standardModelId, modelId, ...(galleries.models.has(serving) ? [serving] : [])]).size
    if (needed <= modelsOpenMax) return
    throw new AlikeError('models_full', {
      detail: `${needed} models would be in memory at once; MODELS_OPEN_MAX allows ${modelsOpenMax}.`,
    })
  }

  /**
   * Makes the set of this model serve; the former serving set is kept up to date for some days and can be switched back
   * to at once.
   * @throws AlikeError `set_not_found`, `set_not_ready`, `gate_not_passed` and `originals_missing` unless forced,
   * `model_mismatch`, `overloaded`, `storage_full`
   */
  serve(gallery: string, model: string, { force = false }: { force?: boolean | undefined } = {}): Promise<void> {
    return this.#options.exclusion.alone(gallery, () => this.#serveNow(gallery, model, force))
  }

  async #serveNow(gallery: string, model: string, force: boolean): Promise<void> {
    const { galleries } = this.#options
    const { set, serving } = await this.#found(gallery, model)
    if (set.modelId === serving.modelId) return // a copy in another engine is switched to by a move
    if (set.stage === 'building') throw new AlikeError('set_not_ready')
    // the job would continue to write the former set's content into the serving one
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

  /** Also cancels its unfinished job. @throws AlikeError `set_not_found`, `set_in_use`, `storage_full`, `overloaded` */
  remove(gallery: string, model: string): Promise<void> {
    return this.#options.exclusion.alone(gallery, async () => {
      const { set, serving } = await this.#found(gallery, model)
      if (set === serving) throw new AlikeError('set_in_use')
      await this.#removeNow(gallery, set)
    })
  }

  /** Former serving sets whose retention period is over. */
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
      if (set.job !== undefined) continue // still in use: to move back, or to evaluate it again
      await this.#removeNow(gallery, set)
    }
  }

  async #removeNow(gallery: string, set: SetStatus): Promise<void> {
    const { galleries, jobs, mirrors, followers, logger } = this.#options
    if (set.job !== undefined) await jobs.cancel(set.job.id).catch(ignoring('job_finished', 'job_not_found'))
    await followers.stop(gallery)
    try {
      await galleries.sets.remove(gallery, set)
    } catch (error) {
      // if only its storage is left, a follower would end the recording of changes for the gallery's next set
      const isLeft = (await galleries.sets.list(gallery)).some(({ uid }) => uid === set.uid)
      if (isLeft && set.stage !== 'building') followers.start(gallery, set.uid)
      throw error
    }
    mirrors.forget(set.uid)
    logger.info({ gallery, modelId: set.modelId }, 'embedding set deleted')
  }

  /** If there are two sets of the model, as during a move, the one that is not serving. */
  async #found(gallery: string, model: string): Promise<{ set: SetStatus; serving: SetStatus }> {
    const sets = await this.list(gallery)
    const modelId = this.#idOf(model)
    const ofModel = sets.filter((one) => one.modelId === modelId)
    const set = ofModel.find(({ stage }) => stage !== 'serving') ?? ofModel[0]
    if (set === undefined) throw new AlikeError('set_not_found')
    return { set, serving: servingOf(sets) }
  }

  /** The id of a model given by id or name; a missing model can only be given by id. */
  #idOf(model: string): string {
    try {
      return this.#options.galleries.models.get(model).id
    } catch (error) {
      if (hasCode(error, 'model_not_found')) return model
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
