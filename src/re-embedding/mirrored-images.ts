/**
 * Produces the pictures of a gallery's other set: copied if both sets use the same model, already present, or embedded
 * from their originals.
 */
import type { ImageEmbedder } from '../embedding/image-embedder.js'
import { AlikeError, hasCode } from '../errors.js'
import type { OpenSet } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { ImageRecord, SeenImage, WholeImage } from '../gallery/records.js'
import { patiently } from '../jobs/patience.js'
import { type ImageOriginalsParts, originalObstacle, readOriginal } from '../originals/image-originals.js'

export interface MirroredImagesParts extends ImageOriginalsParts {
  galleries: Galleries
  images: ImageEmbedder
}

export interface MirroredSides {
  gallery: string
  /** Model of the other set. */
  modelId: string
  /** Both sets use the same model, so the content of the serving set is copied. */
  isCopied: boolean
  from: OpenSet
  to: OpenSet
}

/** Pictures processed together. */
export interface MadeWork {
  signal: AbortSignal
  /** Pictures embedded or copied. */
  made: number
  /** Read in one go. */
  copies: ReadonlyMap<string, WholeImage>
}

/** For a picture behind a URL whose host is busy or does not answer. */
const attemptsMax = 3

export class MirroredImages {
  readonly isCopied: boolean
  readonly #parts: MirroredImagesParts
  readonly #sides: MirroredSides

  constructor(parts: MirroredImagesParts, sides: MirroredSides) {
    this.#parts = parts
    this.#sides = sides
    this.isCopied = sides.isCopied
  }

  /** Why a picture cannot be embedded again, determined without reading it; undefined if no obstacle is known. */
  async obstacle({ id, contentHash, reference }: ImageRecord): Promise<AlikeError | undefined> {
    if (this.isCopied) return undefined
    const there = (await this.#sides.to.find([id]))[0]
    if (there?.contentHash === contentHash) return undefined
    return originalObstacle(this.#parts, { contentHash, reference, isHeld: await this.#isHeld() })
  }

  /** @param differing ids of the pictures about to be processed */
  async work(differing: readonly string[], signal: AbortSignal): Promise<MadeWork> {
    return { signal, made: 0, copies: this.isCopied ? await this.#copiesOf(differing) : new Map() }
  }

  /**
   * The picture as the other set's model embeds it.
   * @throws AlikeError about the picture, see `isAboutImage`; the signal's reason
   */
  async made(here: ImageRecord, there: ImageRecord | undefined, work: MadeWork): Promise<SeenImage> {
    if (here.unreadable === 'record') throw new AlikeError('image_damaged')
    if (this.isCopied) {
      work.made += 1
      return this.#copied(here, work)
    }
    const { modelId, to } = this.#sides
    const known = there?.contentHash === here.contentHash ? await to.seen({ ...here, modelId }) : undefined
    if (known !== undefined) return known
    const { signal } = work
    const bytes = await this.#original(here, signal)
    const embed = () => this.#parts.images.embed(bytes, { purpose: 'job', modelId, signal })
    const { vector, thumbnail, copyDescriptor, width, height, format } = await patiently(embed, signal)
    work.made += 1
    return { vector, copyDescriptor, width, height, format, thumbnail }
  }

  /** Reads them all at once; empty if any of them is damaged. */
  async #copiesOf(ids: readonly string[]): Promise<Map<string, WholeImage>> {
    try {
      return new Map((await this.#sides.from.whole(ids)).map((image) => [image.record.id, image]))
    } catch (error) {
      if (hasCode(error, 'image_damaged')) return new Map()
      throw error
    }
  }

  /**
   * As stored in the serving set.
   * @throws AlikeError `image_damaged`; `image_not_found` if it has been removed or replaced
   */
  async #copied({ id, contentHash }: ImageRecord, { copies }: MadeWork): Promise<SeenImage> {
    const found = copies.get(id) ?? (await this.#sides.from.whole([id]))[0]
    // a changed picture is mirrored again
    if (found?.record.contentHash !== contentHash) throw new AlikeError('image_not_found')
    const { record: _, ...seen } = found
    return seen
  }

  /** @throws AlikeError `original_*`, `image_damaged`, `url_*`, `source_*` */
  async #original({ id, contentHash, reference }: ImageRecord, signal: AbortSignal): Promise<Buffer> {
    try {
      const image = { contentHash, reference, isHeld: await this.#isHeld() }
      const bytes = await patiently(() => readOriginal(this.#parts, image, { signal, attempts: attemptsMax }), signal)
      if (bytes === undefined) throw new AlikeError('original_not_kept')
      return bytes
    } catch (error) {
      if (hasCode(error, 'source_unreachable'))
        throw new AlikeError(error.code, { detail: `It was asked for ${JSON.stringify(id)}.`, cause: error })
      if (!hasCode(error, 'data_unreadable')) throw error
      throw new AlikeError('image_damaged', { detail: 'What was kept of it is damaged.', cause: error })
    }
  }

  /** Whether the gallery keeps originals itself. */
  async #isHeld(): Promise<boolean> {
    return (await this.#parts.galleries.rules(this.#sides.gallery)).holdsOriginals
  }
}
