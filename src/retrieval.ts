/**
 * The life of a query, from top to bottom: decode → embed → search → records. The door (too busy?
 * who is asking? a picture at all?) is in `http/`; here nothing is known of it.
 */
import { AlikeError } from './errors.js'
import { embedViews } from './embedding/embed-views.js'
import type { Embedder } from './embedding/embedder.js'
import type { Galleries, GallerySearch, Hit } from './gallery/galleries.js'
import type { DecodePermits } from './image/decode-permits.js'
import { prepareImage } from './image/prepare.js'
import type { Region } from './image/region.js'

export interface RetrievalParts {
  galleries: Galleries
  embedder: Embedder
  permits: DecodePermits
  /** Largest width × height. */
  maxPixels: number
  /** Views of a query picture whose embeddings are averaged. */
  queryViews: number
}

export interface Query extends Omit<GallerySearch, 'vector'> {
  gallery: string
  /** A picture file, or the id of a stored picture whose embedding is used. */
  picture: { bytes: Uint8Array; region?: Region } | { id: string; includeSelf: boolean }
  /** The caller has left: what has not begun is not begun any more. */
  signal?: AbortSignal
}

/** Each stage's own time; `queueMs` is what was spent waiting for a decoder and for the network. */
export interface QueryDurations {
  decodeMs: number
  queueMs: number
  embedMs: number
  searchMs: number
  totalMs: number
}

export interface Answer {
  gallery: string
  modelId: string
  method: 'exact' | 'hnsw'
  ef?: number
  hits: Hit[]
  durations: QueryDurations
}

/**
 * @throws AlikeError `gallery_not_found`, `image_not_found`, `image_*`, `region_invalid`,
 * `model_mismatch`, `overloaded`; the signal's reason when aborted
 */
export async function retrieve(query: Query, parts: RetrievalParts): Promise<Answer> {
  const startedAt = performance.now()
  const { gallery, picture, signal, ...search } = query
  const { modelId } = parts.galleries.get(gallery)
  // Before anything is decoded: these embeddings could never be compared.
  if (modelId !== parts.embedder.model.manifest.id) throw new AlikeError('model_mismatch')

  const { vector, ...durations } = 'id' in picture ? storedVector(gallery, picture.id, parts) : await embed(picture, signal, parts)
  signal?.throwIfAborted()

  const excludeIds = [...(search.excludeIds ?? []), ...('id' in picture && !picture.includeSelf ? [picture.id] : [])]
  const { hits, method, ef, durationMs: searchMs } = await parts.galleries.search(gallery, { ...search, vector, excludeIds })

  const totalMs = performance.now() - startedAt
  return { gallery, modelId, method, ...(ef !== undefined && { ef }), hits, durations: { ...durations, searchMs, totalMs } }
}

async function embed({ bytes, region }: { bytes: Uint8Array; region?: Region }, signal: AbortSignal | undefined, parts: RetrievalParts) {
  const { embedder, permits, maxPixels, queryViews } = parts
  const { preprocessing } = embedder.model.manifest
  const waiting = { ...(signal && { signal }) }
  const arrivedAt = performance.now()
  let decodeWaitMs = 0
  const { views, durationMs: decodeMs } = await permits.run(() => {
    decodeWaitMs = performance.now() - arrivedAt
    return prepareImage(bytes, { preprocessing, maxPixels, views: queryViews, ...(region && { region }), ...waiting })
  }, waiting)
  const { vector, queueMs, embedMs } = await embedViews(embedder, views, waiting)
  return { vector, decodeMs, queueMs: decodeWaitMs + queueMs, embedMs }
}

function storedVector(gallery: string, id: string, { galleries }: RetrievalParts) {
  const vector = galleries.embedding(gallery, id)
  if (vector === undefined) throw new AlikeError('image_not_found')
  return { vector, decodeMs: 0, queueMs: 0, embedMs: 0 }
}
