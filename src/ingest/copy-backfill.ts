/**
 * Adds descriptors to pictures stored before descriptors existed: computed from their thumbnails in the background at
 * the lowest priority, and committed page by page. Waits while the queues or the disk are full; after a stop or failure
 * the next start continues.
 */
import { AlikeError, type ErrorCode, hasCode, ignoring } from '../errors.js'
import type { UndescribedPage } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { Decoders } from '../image/decoders.js'
import { patiently } from '../jobs/patience.js'

export interface CopyBackfillOptions {
  galleries: Galleries
  decoders: Decoders
  logger: { info(fields: object, message: string): void; error(fields: object, message: string): void }
  /** Receives the number of pictures described, for a metric. */
  onDescribed(images: number): void
}

type Undescribed = UndescribedPage['images'][number]

/** Pictures read, described and committed together. */
const pageSize = 32
/** Not an engine that does not answer: other galleries may be in another one. */
const waitsOut: readonly ErrorCode[] = ['overloaded', 'storage_full', 'store_unreachable']

export class CopyBackfill {
  readonly #options: CopyBackfillOptions
  readonly #stop = new AbortController()
  /**
   * Settles when every picture that can have a descriptor has one, or nothing more can be done until the next start.
   */
  readonly ended: Promise<void>

  constructor(options: CopyBackfillOptions) {
    this.#options = options
    this.ended = this.#run()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  async #run(): Promise<void> {
    const { galleries, logger } = this.#options
    let described = 0
    try {
      for (const { gallery } of await this.#patiently(() => galleries.readings.all()))
        described += (await this.#unlessAway(gallery)) ?? 0
    } catch (error) {
      if (!this.#stop.signal.aborted)
        logger.error({ err: error }, 'copy descriptors of older pictures will be computed at the next start')
    }
    if (described > 0) logger.info({ described }, 'copy descriptors of older pictures computed')
  }

  /** A gallery that is damaged, lost or out of reach does not keep the others waiting. */
  async #unlessAway(gallery: string): Promise<number | undefined> {
    try {
      return await this.#describeAll(gallery)
    } catch (error) {
      if (hasCode(error, 'gallery_elsewhere')) return undefined // the process that has it does that
      if (!hasCode(error, 'data_unreadable', 'gallery_lost', 'gallery_newer', 'engine_unreachable')) throw error
      this.#options.logger.error(
        { err: error, gallery },
        'copy descriptors of older pictures of a gallery are not computed before the next start',
      )
      return undefined
    }
  }

  async #describeAll(gallery: string): Promise<number> {
    const { galleries, onDescribed } = this.#options
    let described = 0
    for (let cursor: number | undefined; ; ) {
      this.#stop.signal.throwIfAborted()
      const page = await this.#ofGallery(() => galleries.images.undescribed(gallery, { cursor, limit: pageSize }))
      if (page === undefined || page.images.length === 0) return described
      const made = await Promise.all(page.images.map((image) => this.#describe(image)))
      const added = await this.#ofGallery(() => galleries.images.describe(gallery, made))
      described += added ?? 0
      onDescribed(added ?? 0)
      if (page.nextCursor === undefined) return described
      cursor = page.nextCursor
    }
  }

  /** An unreadable thumbnail is treated like one without features. */
  async #describe(image: Undescribed): Promise<{ image: Undescribed; descriptor: Uint8Array }> {
    const { signal } = this.#stop
    const describe = () => this.#options.decoders.describeThumbnail(image.thumbnail, signal)
    const descriptor = await this.#patiently(describe).catch((error: unknown) => {
      if (error instanceof AlikeError && error.code.startsWith('image_')) return new Uint8Array(0)
      throw error
    })
    return { image, descriptor }
  }

  /** A gallery may be deleted in the meantime. */
  async #ofGallery<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    return this.#patiently(work).catch(ignoring('gallery_not_found'))
  }

  #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    return patiently(work, this.#stop.signal, waitsOut)
  }
}
