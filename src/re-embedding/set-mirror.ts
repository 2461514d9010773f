/**
 * Copies pictures from a gallery's serving set to its other one, across engines: differing pictures are written,
 * missing ones removed and equal ones skipped, so that repeating it changes nothing more.
 */
import pMap from 'p-map'
import { AlikeError } from '../errors.js'
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { OpenSet } from '../gallery/engine.js'
import type { JobProgress } from '../gallery/job-progress.js'
import type { ImageRecord, ImageStep } from '../gallery/records.js'
import type { HeldLock } from '../gallery/writes.js'
import { isAboutImage } from '../jobs/image-errors.js'
import { patiently } from '../jobs/patience.js'
import { OneAfterAnother } from '../one-after-another.js'
import { mirrorLost } from './held-galleries.js'
import { type MadeWork, MirroredImages, type MirroredImagesParts } from './mirrored-images.js'

export interface MirrorParts extends MirroredImagesParts {
  /** Pictures embedded concurrently. */
  concurrency: number
}

export interface BringOptions {
  signal: AbortSignal
  /** Of writing to the other set; default: this process alone writes to it. */
  lock?: Pick<HeldLock, 'isHeld'> | undefined
  /** Progress of a job including the pictures that failed; committed together with the pictures. */
  progressOf?: ((lost: readonly LostImage[]) => JobProgress) | undefined
  /** For a job whose pictures have all failed or are already equal. */
  advance?: ((progress: JobProgress) => Promise<void>) | undefined
}

/** A picture that cannot be produced for the other model. */
export interface LostImage {
  id: string
  contentHash: string
  error: AlikeError
}

export interface Brought {
  /** Pictures embedded, or copied if both sets use the same model. */
  made: number
  lost: LostImage[]
  /** Changed during the copy: to be copied again. */
  again: string[]
}

/** The required action for one id; `undefined`: none. */
type Wanted = { id: string; of: ImageRecord | undefined } & ({ step: ImageStep } | { lost: LostImage } | { same: true })

export class SetMirror {
  readonly from: OpenSet
  readonly to: OpenSet
  readonly #set: CatalogueSet
  readonly #images: MirroredImages
  readonly #parts: MirrorParts
  /** Serialises writes to the other set, each after reading the serving one: the last write is then correct. */
  readonly #turns = new OneAfterAnother()

  private constructor(
    parts: MirrorParts,
    images: MirroredImages,
    { set, from, to }: { set: CatalogueSet; from: OpenSet; to: OpenSet },
  ) {
    this.#parts = parts
    this.#images = images
    this.#set = set
    this.from = from
    this.to = to
  }

  /** @throws AlikeError `gallery_not_found` */
  static async open(
    parts: MirrorParts,
    { gallery, serving, set }: { gallery: string; serving: CatalogueSet; set: CatalogueSet },
  ): Promise<SetMirror> {
    const { galleries } = parts
    const { modelId } = set
    const sides = { from: await galleries.sets.open(serving), to: await galleries.sets.open(set) }
    const isCopied = serving.modelId === modelId
    return new SetMirror(parts, new MirroredImages(parts, { gallery, modelId, isCopied, ...sides }), { set, ...sides })
  }

  /** Those of the records that differ or are missing in the other set. */
  async differing(records: readonly ImageRecord[]): Promise<ImageRecord[]> {
    const there = byId(await this.to.find(records.map(({ id }) => id)))
    return records.filter((record) => !this.#isSame(record, there.get(record.id)))
  }

  /** Why a picture cannot be embedded again, determined without reading it; undefined if no obstacle is known. */
  obstacle(image: ImageRecord): Promise<AlikeError | undefined> {
    return this.#images.obstacle(image)
  }

  /**
   * @throws AlikeError `model_mismatch`, `gallery_full`, `storage_full`, `gallery_not_found`, `job_finished`,
   * `store_unreachable` if the lock was lost; the signal's reason
   */
  async bring(ids: readonly string[], { signal, lock, progressOf, advance }: BringOptions): Promise<Brought> {
    const [here, there] = [byId(await this.from.find(ids)), byId(await this.to.find(ids))]
    const differing = ids.filter((id) => here.has(id) && !this.#isSame(here.get(id)!, there.get(id)))
    const work = await this.#images.work(differing, signal)
    const wanted = await pMap(ids, (id) => this.#wanted(id, here.get(id), there.get(id), work), {
      concurrency: this.#parts.concurrency,
      signal,
    })
    const same = wanted.flatMap((one) => ('same' in one && one.of !== undefined ? [one.id] : []))
    // whoever wrote them may have died before searches found them
    if (same.length > 0) await this.to.makeFindable?.(same)
    return this.#turns.run(async () => {
      const now = byId(await this.from.find(ids))
      const [current, moved] = [wanted.filter((one) => isStill(one, now)), wanted.filter((one) => !isStill(one, now))]
      const steps = current.flatMap((one) => ('step' in one ? [asNow(one.step, now.get(one.id))] : []))
      const lost = current.flatMap((one) => ('lost' in one ? [one.lost] : []))
      const progress = progressOf?.(lost)
      // the former picture under this id is no longer valid
      for (const { id } of lost) if (there.has(id)) steps.push({ remove: id })
      if (steps.length > 0) await this.#write(steps, { signal, lock, progress })
      else if (progress !== undefined) await advance?.(progress)
      return { made: work.made, lost, again: moved.map(({ id }) => id) }
    })
  }

  /** The wait for an engine may be long: the lock is lost by then if another process has taken its place. */
  async #write(
    steps: readonly ImageStep[],
    { signal, lock, progress }: Pick<BringOptions, 'signal' | 'lock'> & { progress: JobProgress | undefined },
  ): Promise<void> {
    let isHeld = true
    const write = async () => {
      isHeld = (await lock?.isHeld()) ?? true
      if (isHeld) await this.#parts.galleries.sets.changeImages(this.#set, steps, progress)
    }
    await patiently(write, signal)
    if (!isHeld) throw mirrorLost()
  }

  async #wanted(
    id: string,
    here: ImageRecord | undefined,
    there: ImageRecord | undefined,
    work: MadeWork,
  ): Promise<Wanted> {
    if (here === undefined)
      return there === undefined ? { id, of: here, same: true } : { id, of: here, step: { remove: id } }
    if (this.#isSame(here, there)) return { id, of: here, same: true }
    const { label, metadata, contentHash, reference, bytes, createdAt } = here
    try {
      const updatedAt = this.#images.isCopied ? here.updatedAt : undefined
      const details = {
        id,
        label,
        metadata,
        contentHash,
        reference,
        bytes,
        createdAt,
        updatedAt,
        modelId: this.#set.modelId,
      }
      const made = await this.#images.made(here, there, work)
      return { id, of: here, step: { put: { ...details, ...made } } }
    } catch (error) {
      if (error instanceof AlikeError && isAboutImage(error.code))
        return { id, of: here, lost: { id, contentHash, error } }
      throw error
    }
  }

  #isSame(here: ImageRecord, there: ImageRecord | undefined): boolean {
    if (there === undefined || there.modelId !== this.#set.modelId || !isEqual(here, there)) return false
    return !this.#images.isCopied || (here.createdAt === there.createdAt && here.updatedAt === there.updatedAt)
  }
}

/** Label or reference may have changed in the meantime; uses the current ones. */
function asNow(step: ImageStep, now: ImageRecord | undefined): ImageStep {
  if (!('put' in step) || now === undefined) return step
  const { label, metadata, reference, createdAt, updatedAt } = now
  return { put: { ...step.put, label, metadata, reference, createdAt, updatedAt: step.put.updatedAt && updatedAt } }
}

function isStill({ id, of }: Wanted, now: ReadonlyMap<string, ImageRecord>): boolean {
  return now.get(id)?.contentHash === of?.contentHash
}

function isEqual(here: ImageRecord, there: ImageRecord): boolean {
  return (
    here.contentHash === there.contentHash &&
    here.label === there.label &&
    here.reference === there.reference &&
    JSON.stringify(here.metadata) === JSON.stringify(there.metadata)
  )
}

function byId(records: readonly ImageRecord[]): Map<string, ImageRecord> {
  return new Map(records.map((record) => [record.id, record]))
}
