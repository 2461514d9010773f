/** Sets that another catalogue lists: the one beside the pictures only numbers them, each as a gallery of its own. */
import type { Logger } from 'pino'
import { AlikeError, ignoring } from '../../errors.js'
import type { Catalogue } from '../../gallery/catalogue.js'
import type { EmbeddingSet } from '../../gallery/engine.js'
import type { GalleryStore } from './store/gallery-store.js'

export interface NumberedSetsOptions {
  catalogue: Pick<Catalogue, 'create' | 'remove'>
  store: GalleryStore
  logger: Logger
}

export class NumberedSets {
  readonly #options: NumberedSetsOptions
  /** Uids of those removed by this process. */
  readonly #removed = new Set<string>()

  constructor(options: NumberedSetsOptions) {
    this.#options = options
  }

  has(uid: string): boolean {
    return this.#options.store.read(({ galleries }) => galleries.place(uid)) !== undefined
  }

  /** @throws AlikeError `gallery_elsewhere` for a set that was made in another data folder, `gallery_not_found` */
  expect({ uid }: Pick<EmbeddingSet, 'uid'>): void {
    if (!this.has(uid)) throw new AlikeError(this.#removed.has(uid) ? 'gallery_not_found' : 'gallery_elsewhere')
  }

  /** Makes it here if that has not been done anywhere. @throws AlikeError as `expect` does; `storage_full`, `overloaded` */
  async prepare({ uid, modelId, dimension }: EmbeddingSet, isPrepared: boolean): Promise<void> {
    if (isPrepared) return this.expect({ uid })
    const galleriesMax = Number.MAX_SAFE_INTEGER
    const entry = { name: uid, uid, setUid: uid, engine: 'embedded', modelId, dimension, settings: {}, galleriesMax }
    await this.#options.catalogue.create(entry)
  }

  /** Its pictures are deleted in the background. @throws AlikeError `storage_full`, `overloaded` */
  async remove(uid: string): Promise<void> {
    this.#removed.add(uid)
    await this.#options.catalogue.remove(uid).catch(ignoring('gallery_not_found'))
  }

  /** Otherwise later: the other catalogue remembers that it was removed. */
  async removeIfPossible(uid: string): Promise<void> {
    try {
      await this.remove(uid)
    } catch (err) {
      if (!(err instanceof AlikeError)) throw err
      this.#options.logger.warn(
        { err, set: uid },
        'the pictures of a removed set cannot be deleted yet; retrying later',
      )
    }
  }
}
