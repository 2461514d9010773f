/** One picture on its way into a gallery, alone or in bulk: nothing to do, or decode and embed. */
import { createHash } from 'node:crypto'
import { embedViews } from '../embedding/embed-views.js'
import type { Embedder } from '../embedding/embedder.js'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { Metadata, PutStep, SeenImage } from '../gallery/records.js'
import type { Decoders } from '../image/decoders.js'
import type { RemotePictures } from '../remote/remote-pictures.js'

export interface IntakeParts {
  galleries: Galleries
  embedder: Embedder
  decoders: Decoders
  remote: RemotePictures
  maxPixels: number
  /** Pixels; 0 makes none. */
  thumbnailMaxSide: number
  /** Views of a picture whose embeddings are averaged; what is stored already keeps what it was given. */
  galleryViews: number
}

export interface IncomingPicture {
  /** The content hash when left out. */
  id?: string
  bytes: Uint8Array
  /** Left out: what is stored stays, as it is when this is written. */
  label?: string | null | undefined
  /** The same. */
  metadata?: Metadata | undefined
}

export interface IntakeOptions {
  signal?: AbortSignal
  priority?: 'interactive' | 'bulk'
}

/**
 * What is to be written; it holds whatever is written before it. Bytes that are stored already are not embedded again,
 * and where nothing else has changed by then, nothing is written.
 * @throws AlikeError `gallery_not_found`, `model_mismatch`, `image_*`, `overloaded`; the signal's reason when aborted
 */
export async function takeIn(
  gallery: string,
  picture: IncomingPicture,
  parts: IntakeParts,
  options: IntakeOptions = {},
): Promise<PutStep> {
  const { galleries, embedder } = parts
  const modelId = embedder.model.manifest.id
  if (galleries.get(gallery).modelId !== modelId) throw new AlikeError('model_mismatch')

  const { bytes, label, metadata } = picture
  const contentHash = createHash('sha256').update(bytes).digest('hex')
  const said = { id: picture.id ?? contentHash, label, metadata, contentHash, modelId, bytes: bytes.length }
  const known = galleries.seen(gallery, said)
  return { put: { ...said, ...(known ?? (await see(bytes, parts, options))) }, unlessSame: known !== undefined }
}

async function see(
  bytes: Uint8Array,
  parts: IntakeParts,
  { signal, priority = 'interactive' }: IntakeOptions,
): Promise<SeenImage> {
  const { embedder, decoders, maxPixels, thumbnailMaxSide, galleryViews } = parts
  const waiting = { priority, ...(signal && { signal }) }
  const { preprocessing } = embedder.model.manifest
  const { views, width, height, format, thumbnail, copyDescriptor } = await decoders.prepare(
    bytes,
    {
      preprocessing,
      maxPixels,
      views: galleryViews,
      copies: true,
      ...(thumbnailMaxSide > 0 && { thumbnail: { maxSide: thumbnailMaxSide } }),
      ...(signal && { signal }),
    },
    priority,
  )
  const { vector } = await embedViews(embedder, views, waiting)
  return { vector, width, height, format, copyDescriptor, ...(thumbnail && { thumbnail }) }
}
