/**
 * The pictures of galleries, by name and id. What is acknowledged is durable and found by the next search. Longer than most
 * files because it is the single list of operations.
 */
import { AlikeError } from '../errors.js'
import { changeAdvancing } from './advancing-changes.js'
import type { CatalogueEntry } from './catalogue.js'
import type { FindExtras, OpenSet, PageOfImages, StoredThumbnail, UndescribedPage } from './engine.js'
import type { GalleryFields } from './fields.js'
import type { Filter } from './filter.js'
import type { JobProgress, ProgressKeeper } from './job-progress.js'
import { keepsStored, keptApart } from './kept-apart.js'
import type { Precondition } from './precondition.js'
import {
  expectAccepted,
  galleryFull,
  type ImageChange,
  type ImagePage,
  type ImageRecord,
  type ImageStep,
  idOfStep,
  type LabelCount,
  type ListedImage,
  type PutStep,
  type SeenImage,
  type StepResult,
  type StoredImage,
} from './records.js'
import type { RoutedSets } from './routed-sets.js'
import type { OpenScan } from './scan.js'
import { expectUnitVector } from './unit-vector.js'
import type { Writes } from './writes.js'

/** Pictures changed per transaction: some ten milliseconds. */
const changedAtOnce = 256
/** The same where other processes wait for it, and where a lock is taken for each. */
const sharedAtOnce = 64

/** Calls reject with `gallery_not_found`. */
export class GalleryImages {
  readonly #sets: RoutedSets
  readonly #writes: Writes
  readonly #progress: ProgressKeeper

  constructor(sets: RoutedSets, writes: Writes, progress: ProgressKeeper) {
    this.#sets = sets
    this.#writes = writes
    this.#progress = progress
  }

  /**
   * Puts, patches and deletes pictures in order: all or none, except for refused ones. The progress of the job they belong to
   * is committed in the same transaction if the engine stores it, and otherwise after them: they may then be changed again, which
   * has no further effect.
   * @throws AlikeError `model_mismatch`, `dimension_mismatch`, `gallery_full`, `storage_full`, `overloaded`,
   * `job_finished`.
   */
  async change(gallery: string, steps: ImageStep[], progress?: JobProgress): Promise<StepResult[]> {
    // an engine that does not store progress would learn of another gallery only after the pictures are stored
    return this.#change({ gallery, uid: progress?.galleryUid }, steps, progress)
  }

  /**
   * Puts one picture, and returns its record as written.
   * @throws as `change`, and AlikeError `precondition_failed`
   */
  async putOne(gallery: string, step: PutStep): Promise<StoredImage> {
    return this.#writeOne({ gallery, id: step.put.id, dependsOnStored: step.onlyIf !== undefined }, async () => {
      const { entry, opened } = await this.#openFor(gallery, [step])
      return opened.put(step, { maxImages: entry.options.maxImages })
    })
  }

  /**
   * Whether the picture may be stored, asked before it is read or decoded for nothing: the write decides.
   * @throws AlikeError `gallery_full` for a new one
   */
  async expectRoom(gallery: string, id: string): Promise<void> {
    const entry = await this.#sets.find(gallery)
    const { maxImages } = entry.options
    if (maxImages === undefined) return
    const opened = await this.#sets.openEntry(entry)
    // counted first: a picture that is added in between is found
    if ((await opened.state()).images < maxImages || (await opened.find([id])).length > 0) return
    throw galleryFull(maxImages)
  }

  /**
   * How many further pictures the gallery's own limit allows: Infinity if it has none, negative if it was lowered below
   * what is stored.
   */
  async room(gallery: string): Promise<number> {
    const entry = await this.#sets.find(gallery)
    const { maxImages = Infinity } = entry.options
    if (maxImages === Infinity) return Infinity
    const { images } = await (await this.#sets.openEntry(entry)).state()
    return maxImages - images
  }

  /**
   * Returns the picture's record as written.
   * @throws AlikeError `image_not_found`, `image_damaged`, `precondition_failed`, `metadata_too_large`, `storage_full`,
   * `overloaded`
   */
  async patch(gallery: string, id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord> {
    return this.#writeOne({ gallery, id, dependsOnStored: true }, async () =>
      (await this.#sets.open(gallery)).patch(id, change, onlyIf),
    )
  }

  /** @throws AlikeError `image_not_found`, `precondition_failed`, `storage_full`, `overloaded` */
  async removeOne(gallery: string, id: string, onlyIf?: Precondition): Promise<void> {
    const results = await this.#writeOne({ gallery, id, dependsOnStored: onlyIf !== undefined }, async () =>
      (await this.#sets.open(gallery)).change([{ remove: id, onlyIf }]),
    )
    expectAccepted(results)
    if ('absent' in results[0]!) throw new AlikeError('image_not_found')
  }

  /**
   * In transactions of bounded size: if it is interrupted, what was deleted stays deleted, and repeating it deletes the
   * rest.
   * @param signal aborted to stop between two transactions
   * @returns how many pictures matched and are deleted
   * @throws AlikeError `overloaded`, `shutting_down`; the signal's reason
   */
  async removeFitting(gallery: string, filter: Filter, signal?: AbortSignal): Promise<number> {
    return this.#writes.pass(gallery, 'all', async () => (await this.#sets.open(gallery)).removeFitting(filter, signal))
  }

  /**
   * Every picture that matches, in transactions of bounded size: if it is interrupted, what was changed stays changed. One that no
   * longer matches when its turn comes stays as it is, and so does a damaged one.
   * @param asked `signal`: aborted to stop between two transactions
   * @returns how many matched and are changed
   * @throws AlikeError `metadata_too_large` once the others of a transaction are changed, `overloaded`, `storage_full`; the
   * signal's reason
   */
  async changeFitting(
    gallery: string,
    { filter, change, signal }: { filter: Filter; change: ImageChange; signal?: AbortSignal | undefined },
  ): Promise<number> {
    const { uid } = await this.#sets.find(gallery)
    const limit = this.#writes.shared === undefined ? changedAtOnce : sharedAtOnce
    let changed = 0
    for (let after: string | undefined; ; ) {
      const { images, next } = await this.page(gallery, { filter, after, limit })
      signal?.throwIfAborted()
      const steps = images.map(({ id }) => ({ patch: id, change: { ...change, fitting: filter } }))
      const results = steps.length === 0 ? [] : await this.#change({ gallery, uid }, steps)
      const large = results.findIndex((result) => 'refused' in result && result.refused === 'metadata_too_large')
      if (large !== -1) throw tooLarge(images[large]!)
      changed += results.filter((result) => 'patched' in result).length
      if (next === undefined) return changed
      after = next
    }
  }

  /** @param extras `vectors`: with its embedding */
  async get(gallery: string, id: string, extras: FindExtras = {}): Promise<ListedImage | undefined> {
    return (await (await this.#sets.open(gallery)).find([id], extras))[0]
  }

  /** The records of those ids that exist, in the order given. */
  async find(gallery: string, ids: string[]): Promise<ImageRecord[]> {
    return (await this.#sets.open(gallery)).find(ids)
  }

  /** By id, ascending. @throws AlikeError as `slices` */
  async page(gallery: string, page: PageOfImages = {}): Promise<ImagePage> {
    const images: ImageRecord[] = []
    for await (const slice of this.slices(gallery, page)) {
      images.push(...slice.images)
      if (slice.next !== undefined) return { images, next: slice.next }
    }
    return { images }
  }

  /**
   * A page in slices, each in its own turn of the event loop: a whole page is never in memory. The last slice says
   * whether more follows.
   */
  async *slices(gallery: string, page: PageOfImages = {}): AsyncGenerator<ImagePage> {
    yield* (await this.#sets.open(gallery)).page(page)
  }

  /**
   * A page as by `slices`, with embeddings.
   * @returns `modelId`: the model that made all of them
   */
  async embeddings(
    gallery: string,
    page: PageOfImages = {},
  ): Promise<{ modelId: string; slices: AsyncIterable<ImagePage> }> {
    const entry = await this.#sets.find(gallery)
    const opened = await this.#sets.openEntry(entry)
    return { modelId: entry.set.modelId, slices: opened.page({ ...page, vectors: true }) }
  }

  /**
   * For reading all pictures.
   * @throws AlikeError `model_mismatch`
   */
  async scan(gallery: string): Promise<OpenScan> {
    return (await this.#sets.openReady(gallery)).opened.scan()
  }

  /** The stored content under this id, if it has this hash. */
  async seen(
    gallery: string,
    image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>,
  ): Promise<SeenImage | undefined> {
    return (await this.#sets.open(gallery)).seen(image)
  }

  /** @throws AlikeError `image_damaged` */
  async thumbnail(gallery: string, id: string): Promise<StoredThumbnail | undefined> {
    return (await this.#sets.open(gallery)).thumbnail(id)
  }

  /** A page of pictures that have a thumbnail but no copy descriptor yet. */
  async undescribed(gallery: string, page: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage> {
    return (await this.#sets.open(gallery)).copies.undescribed(page)
  }

  /**
   * Adds descriptors to stored pictures; those that are gone or already have one are skipped.
   * @throws AlikeError `storage_full`, `overloaded`
   */
  async describe(
    gallery: string,
    described: { image: UndescribedPage['images'][number]; descriptor: Uint8Array }[],
  ): Promise<number> {
    return (await this.#sets.open(gallery)).copies.describe(described)
  }

  /**
   * By label, ascending; unlabelled pictures come first.
   * @param page `after`: labels after this one; undefined: from the first
   */
  async labels(
    gallery: string,
    { after, limit = 2 ** 31 }: { after?: string | undefined; limit?: number | undefined } = {},
  ): Promise<LabelCount[]> {
    return (await this.#sets.open(gallery)).labels({ after, limit })
  }

  /** How many pictures match. @throws the signal's reason */
  async countFitting(gallery: string, filter: Filter, signal?: AbortSignal): Promise<number> {
    return (await this.#sets.open(gallery)).countFitting(filter, signal)
  }

  /** The fields that filters can use, from as many images as `fieldBounds` allows. */
  async fields(gallery: string): Promise<GalleryFields> {
    return (await this.#sets.open(gallery)).fields()
  }

  /**
   * @param uid of the gallery that is meant: another one may have its name by now; undefined: whichever has it
   * @throws also AlikeError `store_unreachable` where the steps may have been taken: they can be repeated
   */
  #change(
    { gallery, uid }: { gallery: string; uid: string | undefined },
    steps: ImageStep[],
    progress?: JobProgress,
  ): Promise<StepResult[]> {
    const keeping = steps.filter(keepsStored).map(idOfStep)
    return keptApart(this.#writes, { gallery, ids: keeping, ifLost: 'store_unreachable' }, () =>
      this.#writes.pass(gallery, steps.map(idOfStep), async () => {
        const { entry, opened } = await this.#openFor(gallery, steps)
        if ((uid ?? entry.uid) !== entry.uid) throw new AlikeError('gallery_not_found')
        const place = { engine: entry.engine, opened, maxImages: entry.options.maxImages }
        return changeAdvancing(this.#progress, place, steps, progress)
      }),
    )
  }

  async #writeOne<Result>(
    { gallery, id, dependsOnStored }: { gallery: string; id: string; dependsOnStored: boolean },
    work: () => Promise<Result>,
  ): Promise<Result> {
    const ids = dependsOnStored ? [id] : []
    return keptApart(this.#writes, { gallery, ids, ifLost: 'store_outcome_unknown' }, () =>
      this.#writes.pass(gallery, [id], work),
    )
  }

  /**
   * Nothing can be put in a set whose model is not served.
   * @throws AlikeError `model_mismatch`, `serving_changed`, `dimension_mismatch`, `request_invalid` for embeddings that
   * do not belong to the set
   */
  async #openFor(gallery: string, steps: readonly ImageStep[]): Promise<{ entry: CatalogueEntry; opened: OpenSet }> {
    if (!steps.some((step) => 'put' in step)) {
      const entry = await this.#sets.find(gallery)
      return { entry, opened: await this.#sets.openEntry(entry) }
    }
    const { entry, opened } = await this.#sets.openReady(gallery)
    for (const step of steps) {
      if (!('put' in step)) continue
      // it was embedded for a set that no longer serves, and may have been removed since
      if (step.put.modelId !== entry.set.modelId) throw new AlikeError('serving_changed')
      expectUnitVector(step.put.vector, entry.set.dimension)
    }
    return { entry, opened }
  }
}

function tooLarge({ id }: ImageRecord): AlikeError {
  return new AlikeError('metadata_too_large', {
    detail: `Merged with what is stored, the metadata of ${id} would exceed the maximum size; other pictures may have been changed.`,
  })
}
