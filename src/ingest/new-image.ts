/** Takes in one picture, alone or in bulk: skips it if nothing has changed, otherwise decodes and embeds it. */
import { contentHashOf } from '../content-hash.js'
import type { EmbeddedImage, ImageEmbedder } from '../embedding/image-embedder.js'
import { AlikeError, hasCode } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { GalleryRules } from '../gallery/gallery-options.js'
import type { Metadata } from '../gallery/metadata.js'
import { holds, type Precondition } from '../gallery/precondition.js'
import type { PutStep, StoredImage } from '../gallery/records.js'
import type { ImageOriginalsParts } from '../originals/image-originals.js'
import type { RemoteImages } from '../remote/remote-images.js'

export interface IntakeParts extends ImageOriginalsParts {
  galleries: Galleries
  images: ImageEmbedder
  remote: RemoteImages
}

export interface IncomingImage {
  /** Default: the content hash. */
  id?: string | undefined
  bytes: Uint8Array
  /** Default: keeps the stored label, as of the time of the write. */
  label?: string | null | undefined
  /** Likewise for metadata. */
  metadata?: Metadata | undefined
  /** The picture's location in its owner's storage, as given by the caller. */
  reference?: string | undefined
  /** Checked before the picture is decoded, and again as it is written. */
  onlyIf?: Precondition | undefined
  /** Where it was read from; recorded in galleries that store the location of pictures. */
  origin?: string | undefined
}

/** How often a picture is embedded again because another model began to serve before it was stored. */
const servingTries = 10

export interface IntakeOptions {
  signal?: AbortSignal | undefined
  /** Default `upload`. */
  purpose?: 'upload' | 'job' | undefined
  /** Receives the duration of each stage for an embedded picture. */
  onEmbedded?: ((stages: StageDurations) => void) | undefined
}

export type StageDurations = Pick<EmbeddedImage, 'decodeMs' | 'queueMs' | 'embedMs'>

/**
 * Returns what is to be written; it stays valid whatever is written before it. Bytes that are already stored are not
 * embedded again, and if nothing else has changed by then, nothing is written.
 * @throws AlikeError `gallery_not_found`, `gallery_full`, `precondition_failed`, `model_mismatch`, `image_*`, `url_*`,
 * `reference_invalid` and `source_not_allowed` for a reference, `storage_full`, `overloaded`; the signal's reason when aborted
 */
export async function takeIn(
  gallery: string,
  image: IncomingImage,
  parts: IntakeParts,
  { signal, purpose = 'upload', onEmbedded }: IntakeOptions = {},
): Promise<PutStep> {
  const { galleries, images } = parts
  const { modelId } = await galleries.sets.serving(gallery)
  images.modelOf(modelId)
  const rules = await galleries.rules(gallery)

  const { bytes, label, metadata, onlyIf } = image
  const contentHash = await contentHashOf(bytes)
  const id = image.id ?? contentHash
  if (onlyIf !== undefined && !holds(onlyIf, await galleries.images.get(gallery, id)))
    throw new AlikeError('precondition_failed')
  const reference = await referenceIn(gallery, { ...image, id, contentHash }, rules, parts)
  const details = { id, label, metadata, contentHash, reference, modelId, bytes: bytes.length }
  const keep = async () => rules.originals === 'keep' && (await parts.originals?.put(contentHash, bytes))
  const known = await galleries.images.seen(gallery, details)
  if (known !== undefined) {
    await keep()
    return { put: { ...details, ...known }, unlessSame: true, onlyIf }
  }
  // jobs ask before they read a picture
  if (purpose === 'upload') await galleries.images.expectRoom(gallery, id)
  const embedded = await images.embed(bytes, { purpose, modelId, signal })
  const { vector, thumbnail, copyDescriptor, width, height, format } = embedded
  onEmbedded?.(embedded)
  // Stored before the picture is, but only once it is known to be one.
  await keep()
  return {
    put: { ...details, vector, copyDescriptor, width, height, format, thumbnail },
    unlessSame: false,
    onlyIf,
  }
}

/** @throws AlikeError `image_reference_missing`, `reference_invalid`, `url_disabled`, `url_not_allowed`, `source_not_allowed` */
async function referenceIn(
  gallery: string,
  { id, contentHash, reference, origin }: Omit<IncomingImage, 'bytes'> & { id: string; contentHash: string },
  { originals }: GalleryRules,
  { galleries, references }: IntakeParts,
): Promise<string | undefined> {
  if (reference !== undefined) {
    if (references === undefined) throw new AlikeError('url_disabled')
    references.expectGiven(reference)
    return reference
  }
  if (originals !== 'reference') return undefined
  if (origin !== undefined) {
    if (!origin.startsWith('file:')) references?.expectGiven(origin)
    return origin
  }
  // unchanged content stays at its known location
  const stored = await galleries.images.get(gallery, id)
  if (stored?.contentHash === contentHash && stored.reference !== undefined) return stored.reference
  throw new AlikeError('image_reference_missing')
}

/**
 * Takes a picture in and writes it; repeats if another model began to serve the gallery in between.
 * @returns also when it was taken in, by `performance.now()`
 * @throws AlikeError as `takeIn` and `Galleries.putOne` do
 */
export async function storeOne(
  gallery: string,
  image: IncomingImage,
  parts: IntakeParts,
  signal?: AbortSignal,
): Promise<StoredImage & { takenAt: number }> {
  for (let tries = 1; ; tries++) {
    const step = await takeIn(gallery, image, parts, { signal })
    const takenAt = performance.now()
    try {
      return { ...(await parts.galleries.images.putOne(gallery, step)), takenAt }
    } catch (error) {
      if (tries >= servingTries || !hasCode(error, 'serving_changed')) throw error
    }
  }
}
