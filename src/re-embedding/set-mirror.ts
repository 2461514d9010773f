/**
 * Brings pictures from the set that serves a gallery to its other one, whatever engines they live in: what differs is put,
 * what is gone is removed, and what is the same is left alone, so that bringing again changes nothing more.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import type { ImageEmbedder } from '../embedding/image-embedder.js'
import { AlikeError, type ErrorCode } from '../errors.js'
import type { CatalogueSet } from '../gallery/catalogue.js'
import type { OpenSet } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { JobProgress } from '../gallery/job-progress.js'
import type { ImageRecord, ImageStep, SeenImage, WholeImage } from '../gallery/records.js'
import { OneAfterAnother } from '../one-after-another.js'
import { type ImageOriginalsParts, originalObstacle, readOriginal } from '../originals/image-originals.js'

export interface MirrorParts extends ImageOriginalsParts {
  galleries: Galleries
  images: ImageEmbedder
  /** Pictures embedded at once. */
  concurrency: number
}

export interface BringOptions {
  signal: AbortSignal
  /** How far a job has come with what could not be brought; committed with the pictures. */
  progressOf?: ((lost: readonly LostImage[]) => JobProgress) | undefined
  /** For a job whose pictures are all lost or the same by now. */
  advance?: ((progress: JobProgress) => Promise<void>) | undefined
}

/** One that the other model cannot be given. */
export interface LostImage {
  id: string
  error: AlikeError
}

export interface Brought {
  /** Pictures that went through the model, or were copied where it is the same. */
  made: number
  lost: LostImage[]
  /** Changed while they were brought: to be brought again. */
  again: string[]
}

/** Of a picture at an address whose host is busy, or does not answer. */
const attemptsMax = 3
/** Told of one picture, while the others are brought. */
const lostBy: readonly ErrorCode[] = [
  'original_not_kept',
  'original_changed',
  'source_unreadable',
  'source_not_allowed',
]

/** What was found to be done for one id; `undefined`: nothing. */
type Wanted = { id: string; of: ImageRecord | undefined } & (
  | { step: ImageStep }
  | { lost: AlikeError }
  | { same: true }
)

/** One call of `bring`. */
interface Work {
  signal: AbortSignal
  made: number
  /** Read at once. */
  copies: ReadonlyMap<string, WholeImage>
}

export class SetMirror {
  readonly from: OpenSet
  readonly to: OpenSet
  readonly #gallery: string
  readonly #set: CatalogueSet
  readonly #servingModelId: string
  readonly #parts: MirrorParts
  /** One write into the other set at a time, with what is in the one that serves read before it: the last write tells the truth. */
  readonly #turns = new OneAfterAnother()

  private constructor(
    parts: MirrorParts,
    { gallery, set, servingModelId }: { gallery: string; set: CatalogueSet; servingModelId: string },
    sides: { from: OpenSet; to: OpenSet },
  ) {
    this.#parts = parts
    this.#gallery = gallery
    this.#set = set
    this.#servingModelId = servingModelId
    this.from = sides.from
    this.to = sides.to
  }

  /** @throws AlikeError `gallery_not_found` */
  static async open(
    parts: MirrorParts,
    { gallery, serving, set }: { gallery: string; serving: CatalogueSet; set: CatalogueSet },
  ): Promise<SetMirror> {
    const { galleries } = parts
    const sides = { from: await galleries.sets.open(serving), to: await galleries.sets.open(set) }
    return new SetMirror(parts, { gallery, set, servingModelId: serving.modelId }, sides)
  }

  /** Those of the records that the other set does not have as they are. */
  async differing(records: readonly ImageRecord[]): Promise<ImageRecord[]> {
    const there = byId(await this.to.find(records.map(({ id }) => id)))
    return records.filter((record) => !this.#isSame(record, there.get(record.id)))
  }

  /** Why it cannot be embedded again, told without reading it; undefined where nothing is known to be in the way. */
  async obstacle({ id, contentHash, reference }: ImageRecord): Promise<AlikeError | undefined> {
    if (this.#isCopied) return undefined
    const there = (await this.to.find([id]))[0]
    if (there?.contentHash === contentHash) return undefined
    return originalObstacle(this.#parts, { contentHash, reference, isHeld: await this.#isHeld() })
  }

  /** @throws AlikeError `model_mismatch`, `gallery_full`, `storage_full`, `gallery_not_found`, `job_finished`; the signal's reason */
  async bring(ids: readonly string[], { signal, progressOf, advance }: BringOptions): Promise<Brought> {
    const [here, there] = [byId(await this.from.find(ids)), byId(await this.to.find(ids))]
    const work: Work = { signal, made: 0, copies: new Map() }
    if (this.#isCopied) {
      const differing = ids.filter((id) => here.has(id) && !this.#isSame(here.get(id)!, there.get(id)))
      work.copies = await this.#copiesOf(differing)
    }
    const wanted = await pMap(ids, (id) => this.#wanted(id, here.get(id), there.get(id), work), {
      concurrency: this.#parts.concurrency,
      signal,
    })
    return this.#turns.run(async () => {
      const now = byId(await this.from.find(ids))
      const [current, moved] = [wanted.filter((one) => isStill(one, now)), wanted.filter((one) => !isStill(one, now))]
      const steps = current.flatMap((one) => ('step' in one ? [asNow(one.step, now.get(one.id))] : []))
      const lost = current.flatMap((one) => ('lost' in one ? [{ id: one.id, error: one.lost }] : []))
      const progress = progressOf?.(lost)
      // what stood for another picture under this id is no more
      for (const { id } of lost) if (there.has(id)) steps.push({ remove: id })
      if (steps.length > 0)
        await patiently(() => this.#parts.galleries.sets.changeImages(this.#set, steps, progress), signal)
      else if (progress !== undefined) await advance?.(progress)
      return { made: work.made, lost, again: moved.map(({ id }) => id) }
    })
  }

  /** One model made both: what the other one holds is what the one that serves does. */
  get #isCopied(): boolean {
    return this.#servingModelId === this.#set.modelId
  }

  async #wanted(
    id: string,
    here: ImageRecord | undefined,
    there: ImageRecord | undefined,
    work: Work,
  ): Promise<Wanted> {
    if (here === undefined)
      return { id, of: here, ...(there === undefined ? { same: true } : { step: { remove: id } }) }
    if (this.#isSame(here, there)) return { id, of: here, same: true }
    try {
      const { label, metadata, contentHash, reference, bytes, createdAt } = here
      const updatedAt = this.#isCopied ? here.updatedAt : undefined
      const said = {
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
      const made = await this.#made(here, there, work)
      return { id, of: here, step: { put: { ...said, ...made } } }
    } catch (error) {
      if (error instanceof AlikeError && isOfImage(error)) return { id, of: here, lost: error }
      throw error
    }
  }

  /** What the other set's model gives for it: copied where it is the same model, known there already, or embedded. */
  async #made(here: ImageRecord, there: ImageRecord | undefined, work: Work): Promise<SeenImage> {
    if (here.unreadable === 'record') throw new AlikeError('image_damaged')
    const { modelId } = this.#set
    if (this.#isCopied) {
      work.made += 1
      return this.#copied(here, work)
    }
    const known = there?.contentHash === here.contentHash ? await this.to.seen({ ...here, modelId }) : undefined
    if (known !== undefined) return known
    const { signal } = work
    const bytes = await this.#original(here, signal)
    const embed = () => this.#parts.images.embed(bytes, { purpose: 'job', modelId, signal })
    const { vector, thumbnail, copyDescriptor, width, height, format } = await patiently(embed, signal)
    work.made += 1
    return { vector, copyDescriptor, width, height, format, ...(thumbnail && { thumbnail }) }
  }

  /** Of as many as are whole: none where one is damaged. */
  async #copiesOf(ids: readonly string[]): Promise<Map<string, WholeImage>> {
    try {
      return new Map((await this.from.whole(ids)).map((image) => [image.record.id, image]))
    } catch (error) {
      if (error instanceof AlikeError && error.code === 'image_damaged') return new Map()
      throw error
    }
  }

  /** As it lies in the set that serves. @throws AlikeError `image_damaged`; `image_not_found` for one that is gone or another by now */
  async #copied({ id, contentHash }: ImageRecord, { copies }: Work): Promise<SeenImage> {
    const found = copies.get(id) ?? (await this.from.whole([id]))[0]
    // what is found to have changed is brought again
    if (found?.record.contentHash !== contentHash) throw new AlikeError('image_not_found')
    const { record: _, ...seen } = found
    return seen
  }

  /** @throws AlikeError `original_not_kept`, `original_changed`, `image_damaged`, `url_*`, `source_*` */
  async #original({ contentHash, reference }: ImageRecord, signal: AbortSignal): Promise<Buffer> {
    try {
      const image = { contentHash, reference, isHeld: await this.#isHeld() }
      const bytes = await patiently(() => readOriginal(this.#parts, image, { signal, attempts: attemptsMax }), signal)
      if (bytes === undefined) throw new AlikeError('original_not_kept')
      return bytes
    } catch (error) {
      if (!(error instanceof AlikeError && error.code === 'data_unreadable')) throw error
      throw new AlikeError('image_damaged', { detail: 'What was kept of it is damaged.', cause: error })
    }
  }

  /** Whether what is kept of the gallery's pictures is theirs. */
  async #isHeld(): Promise<boolean> {
    return (await this.#parts.galleries.rules(this.#gallery)).holdsOriginals
  }

  #isSame(here: ImageRecord, there: ImageRecord | undefined): boolean {
    if (there === undefined || there.modelId !== this.#set.modelId || !isEqual(here, there)) return false
    return !this.#isCopied || (here.createdAt === there.createdAt && here.updatedAt === there.updatedAt)
  }
}

/** A label, or where the picture lies, may have changed meanwhile; it is told as it is now. */
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

function isOfImage({ code }: AlikeError): boolean {
  return lostBy.includes(code) || code.startsWith('image_') || code.startsWith('url_')
}

function byId(records: readonly ImageRecord[]): Map<string, ImageRecord> {
  return new Map(records.map((record) => [record.id, record]))
}

/** What passes by itself. */
const waitedOut: readonly ErrorCode[] = ['overloaded', 'store_unreachable', 'engine_unreachable']

/** Work in the background waits where a caller would be refused. */
export async function patiently<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof AlikeError && waitedOut.includes(error.code))) throw error
      await sleep(Math.min(error.retryAfterSeconds ?? 1, 5) * 1_000, undefined, { signal })
    }
  }
}
