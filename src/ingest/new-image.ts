/** One picture on its way into a gallery, alone or in bulk: nothing to do, or decode and embed. */
import { createHash } from 'node:crypto'
import { embedViews } from '../embedding/embed-views.js'
import type { Embedder } from '../embedding/embedder.js'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import type { ImageRecord, Metadata, NewImage } from '../gallery/records.js'
import type { DecodePermits } from '../image/decode-permits.js'
import { preparePermitted } from '../image/permitted-image.js'
import type { RemotePictures } from '../remote/remote-pictures.js'

export interface IntakeParts {
  galleries: Galleries
  embedder: Embedder
  permits: DecodePermits
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
  label: string | null
  /** Left out: what is stored stays. */
  metadata?: Metadata
}

export interface IntakeOptions {
  signal?: AbortSignal
  priority?: 'interactive' | 'bulk'
  /** Do not compare with what is stored: a newer picture of the same id is on its way. */
  ignoreStored?: boolean
}

/** `unchanged`: the very same is stored already. Either way nothing has been written yet. */
export type Intake = { image: NewImage } | { unchanged: ImageRecord }

/** @throws AlikeError `gallery_not_found`, `model_mismatch`, `image_*`, `overloaded`; the signal's reason when aborted */
export async function takeIn(gallery: string, picture: IncomingPicture, parts: IntakeParts, options: IntakeOptions = {}): Promise<Intake> {
  const { galleries, embedder } = parts
  const modelId = embedder.model.manifest.id
  if (galleries.get(gallery).modelId !== modelId) throw new AlikeError('model_mismatch')

  const contentHash = createHash('sha256').update(picture.bytes).digest('hex')
  const id = picture.id ?? contentHash
  const stored = galleries.image(gallery, id)
  const { label } = picture
  const metadata = picture.metadata ?? stored?.metadata ?? {}
  const said = { id, label, metadata, contentHash, modelId, bytes: picture.bytes.length }

  if (options.ignoreStored !== true && stored?.contentHash === contentHash && stored.modelId === modelId) {
    if (stored.label === label && sameJson(stored.metadata, metadata)) return { unchanged: stored }
    const known = reuse(gallery, stored, galleries)
    if (known !== undefined) return { image: { ...said, ...known } }
  }
  return { image: { ...said, ...(await seen(picture.bytes, parts, options)) } }
}

type Seen = Pick<NewImage, 'vector' | 'thumbnail' | 'width' | 'height' | 'format'>

/** What the same bytes gave before. */
function reuse(gallery: string, { id, width, height, format }: ImageRecord, galleries: Galleries): Seen | undefined {
  const vector = galleries.embedding(gallery, id)
  const thumbnail = galleries.thumbnail(gallery, id)
  return vector && { vector, width, height, format, ...(thumbnail && { thumbnail }) }
}

async function seen(bytes: Uint8Array, parts: IntakeParts, { signal, priority = 'interactive' }: IntakeOptions): Promise<Seen> {
  const { embedder, permits, maxPixels, thumbnailMaxSide, galleryViews } = parts
  const waiting = { priority, ...(signal && { signal }) }
  const { preprocessing } = embedder.model.manifest
  const { views, width, height, format, thumbnail } = await preparePermitted(
    bytes,
    { preprocessing, maxPixels, views: galleryViews, ...(thumbnailMaxSide > 0 && { thumbnail: { maxSide: thumbnailMaxSide } }), ...(signal && { signal }) },
    permits,
    priority,
  )
  const { vector } = await embedViews(embedder, views, waiting)
  return { vector, width, height, format, ...(thumbnail && { thumbnail }) }
}

/** Both came through JSON; the order of members is as it was sent. */
function sameJson(a: Metadata, b: Metadata): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
