/** Turns requests for analyses of galleries into jobs. */
import { randomUUID } from 'node:crypto'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { JsonValue } from '../gallery/metadata.js'
import type { JobReport, Jobs } from '../jobs/jobs.js'
import type { Webhooks } from '../jobs/webhooks.js'
import type { AnalysisTask } from './findings/parameters.js'

/** Options of the job, apart from the analysis itself. */
export interface JobWishes {
  priority?: number | undefined
  /** Called when the job ends. */
  webhook?: string | undefined
}

export interface AnalysesOptions {
  jobs: Jobs
  galleries: Galleries
  webhooks: Webhooks
  /** Maximum pictures of a gallery that can be analysed: the thread holds its own copy of their vectors. */
  imagesMax: number
}

export class Analyses {
  readonly #options: AnalysesOptions

  constructor(options: AnalysesOptions) {
    this.#options = options
  }

  /**
   * Resolves when the job is durable.
   * @throws AlikeError `gallery_not_found`, `model_mismatch`, `gallery_too_large`, `gallery_without_worker`, `job_queue_full`, `storage_full`, `webhook_disabled`, `url_not_allowed`
   */
  async accept(gallery: string, task: AnalysisTask, { priority, webhook }: JobWishes = {}): Promise<JobReport> {
    const { jobs, galleries, webhooks, imagesMax } = this.#options
    if (webhook !== undefined) webhooks.expectAllowed(webhook)
    await galleries.images.scan(gallery)
    if ((await galleries.readings.state(gallery)).images > imagesMax)
      throw new AlikeError('gallery_too_large', { detail: `It may hold ${imagesMax}.` })
    await jobs.expectRoom(task.kind, gallery)
    return jobs.create({ id: randomUUID(), kind: task.kind, gallery, source: task as JsonValue, priority, webhook })
  }
}
