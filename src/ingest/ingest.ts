/** Turns uploads into jobs: received while the queue has room, durable before the job exists. */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { AlikeError, hasCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { JsonValue } from '../gallery/metadata.js'
import type { JobRecord } from '../jobs/job.js'
import type { JobLogger } from '../jobs/job-logger.js'
import type { JobReport, Jobs } from '../jobs/jobs.js'
import type { Webhooks } from '../jobs/webhooks.js'
import { OneAfterAnother } from '../one-after-another.js'
import type { ListedBuckets } from '../remote/listed-buckets.js'
import type { SourceDescription, SourceLimits } from './source.js'
import type { Spool } from './spool.js'
import { receiveUpload, type Upload } from './upload.js'

export interface IngestOptions extends SourceLimits {
  jobs: Jobs
  galleries: Galleries
  spool: Spool
  webhooks: Webhooks
  buckets: ListedBuckets
  logger: JobLogger
}

export class Ingest {
  readonly #options: IngestOptions
  /** Serialises the inspection of received archives. */
  readonly #looks = new OneAfterAnother()

  constructor(options: IngestOptions) {
    this.#options = options
  }

  /**
   * Resolves when upload and job are durable.
   * @throws AlikeError `job_queue_full`, `gallery_not_found`, `gallery_without_worker`, `archive_unreadable`, `manifest_invalid`,
   * `body_too_large`, `storage_full`, `source_not_allowed`, `webhook_disabled`, `url_not_allowed`, `idempotency_key_reused`; what the upload's stream throws; the reason of its signal
   */
  async accept({
    id = randomUUID(),
    gallery,
    idempotencyKey,
    priority,
    webhook,
    content,
    signal,
    ...settings
  }: Upload): Promise<JobReport> {
    const { jobs, galleries, spool, webhooks, buckets } = this.#options
    if ('bucket' in content) buckets.expectAllowed(content.bucket, content.prefix)
    if (webhook !== undefined) webhooks.expectAllowed(webhook)
    if (galleries.readOnly !== undefined) throw new AlikeError('storage_full', { detail: galleries.readOnly })
    // Only jobs count: an upload that has started is not refused at its end.
    await jobs.expectRoom('ingest', gallery)

    try {
      const { total, ...source } = await receiveUpload(
        id,
        { content, signal, ...settings, inTurn: (work) => this.#looks.run(work) },
        spool,
        this.#options,
      )
      if (source.kind !== 's3') await spool.share(id)
      signal?.throwIfAborted()
      const description: SourceDescription = { ...source, ...settings }
      const { created, ...report } = await jobs.create({
        id,
        kind: 'ingest',
        isReceived: !('bucket' in content || 'folder' in content),
        gallery,
        source: description as unknown as JsonValue,
        priority,
        webhook,
        total,
        idempotencyKey,
      })
      if (!created) {
        expectSame(report.job, description)
        await this.#discard(id)
      }
      return report
    } catch (error) {
      // belongs to a job that may exist after all: an upload without a job is removed after a day
      const mayBeNeeded = hasCode(error, 'store_outcome_unknown')
      if (!mayBeNeeded) await this.#discard(id)
      throw error
    }
  }

  /** The caller's answer does not depend on it. */
  async #discard(id: string): Promise<void> {
    await this.#options.spool.remove(id).catch((error: unknown) => {
      this.#options.logger.warn({ err: error, jobId: id }, 'a refused upload could not be deleted; a later start does')
    })
  }
}

/**
 * The same key with a different upload is an error. Jobs of the first version did not record what was received: their
 * uploads are compared by what was said about them. @throws AlikeError `idempotency_key_reused`
 */
function expectSame({ id, source }: JobRecord, sent: SourceDescription): void {
  const { bytes: _bytes, crc32: _crc32, ...settings } = sent
  const isRecorded = (source as unknown as SourceDescription).bytes !== undefined
  if (!isDeepStrictEqual(source, isRecorded ? sent : settings))
    throw new AlikeError('idempotency_key_reused', { detail: `It belongs to job ${id}.` })
}
