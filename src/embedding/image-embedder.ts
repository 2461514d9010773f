/**
 * One picture → one unit vector: the only path from bytes to an embedding that is searched with or stored. Queries,
 * uploads, jobs and comparisons all use it, so that they agree.
 */
import type { Decoders } from '../image/decoders.js'
import type { ImageFormat } from '../image/formats.js'
import type { Region } from '../image/region.js'
import { discard } from '../image/spent-bytes.js'
import { embedViews } from './embed-views.js'
import type { Embedder } from './embedder.js'
import type { Model } from './model-manifest.js'
import type { ServedModels } from './served-models.js'

export interface ImageEmbedderOptions {
  models: ServedModels
  decoders: Decoders
  /** Maximum width × height. */
  maxPixels: number
  /** Views of a query picture whose embeddings are averaged. */
  queryViews: number
  /** Views of a picture to be stored; pictures already stored are not changed. */
  galleryViews: number
  /** Maximum number of views waiting for a model. */
  embedQueueMax: number
  /** Longer side of the thumbnail of a stored picture, in pixels; 0: no thumbnails. */
  thumbnailMaxSide: number
}

/** Who is waiting for it: a search, which has priority over bulk; a caller who stores one picture; or a job. */
export type Purpose = 'search' | 'upload' | 'job'

export interface ImageRequest {
  purpose: Purpose
  /** Default: the default model. */
  modelId?: string | undefined
  /** Only this part of the upright picture. */
  region?: Region | undefined
  /** The caller has disconnected: work that has not begun is dropped. */
  signal?: AbortSignal | undefined
}

export interface EmbeddedImage {
  /** [embeddingDimension], unit length. */
  vector: Float32Array
  /** [labels] */
  logits: Float32Array
  /** See `copies/copy-descriptor.ts`; empty for a picture without features. */
  copyDescriptor: Uint8Array
  /** Only of a picture to be stored, and if thumbnails are enabled. */
  thumbnail?: Uint8Array | undefined
  /** Of the upright original, in pixels. */
  width: number
  height: number
  format: ImageFormat
  /** Time of each stage; `queueMs` is the time spent waiting for a decoder and for the model. */
  decodeMs: number
  queueMs: number
  embedMs: number
}

export class ImageEmbedder {
  readonly #options: ImageEmbedderOptions

  constructor(options: ImageEmbedderOptions) {
    this.#options = options
  }

  /** Query pictures of one caller that find room at the model together, with all of their views. */
  get queriesAtOnce(): number {
    const { embedQueueMax, queryViews } = this.#options
    return Math.max(1, Math.floor(embedQueueMax / queryViews))
  }

  /** The model used unless another is named. */
  get standard(): Model {
    return this.#options.models.folders.standard
  }

  /**
   * By id or name; the default model if none is named.
   * @throws AlikeError `model_not_found`
   */
  chosen(idOrName?: string): Model {
    return idOrName === undefined ? this.standard : this.#options.models.folders.get(idOrName)
  }

  /** @throws AlikeError `model_mismatch` for a model that is not installed */
  modelOf(id: string): Model {
    return this.#options.models.folders.served(id)
  }

  /** @throws AlikeError `image_*`, `region_invalid`, `model_mismatch`, `overloaded`; the signal's reason when aborted */
  embed(bytes: Uint8Array, request: ImageRequest): Promise<EmbeddedImage> {
    const { models } = this.#options
    return models.use(request.modelId ?? this.standard.manifest.id, async (embedder) => {
      if (request.purpose !== 'search') return this.#embed(bytes, request, embedder)
      const searchEmbedded = embedder.expectSearch()
      try {
        return await this.#embed(bytes, request, embedder)
      } finally {
        searchEmbedded()
      }
    })
  }

  async #embed(
    bytes: Uint8Array,
    { purpose, region, signal }: ImageRequest,
    embedder: Embedder,
  ): Promise<EmbeddedImage> {
    const { decoders, maxPixels, queryViews, galleryViews, thumbnailMaxSide } = this.#options
    const priority = purpose === 'job' ? 'bulk' : 'interactive'
    const isStored = purpose !== 'search'
    const { views, width, height, format, thumbnail, describe, durationMs, waitMs } = await decoders.prepare(
      bytes,
      {
        preprocessing: embedder.model.manifest.preprocessing,
        maxPixels,
        views: isStored ? galleryViews : queryViews,
        copies: true,
        thumbnail: isStored && thumbnailMaxSide > 0 ? { maxSide: thumbnailMaxSide } : undefined,
        region,
        signal,
      },
      priority,
    )
    // the model runs on another thread meanwhile; async, so that a failed description does not abandon its run
    const [{ vector, logits, queueMs, embedMs }, copyDescriptor] = await Promise.all([
      embedViews(embedder, views, { priority, signal }),
      (async () => describe!())(),
    ])
    views.forEach(discard)
    return {
      vector,
      logits,
      copyDescriptor,
      thumbnail,
      width,
      height,
      format,
      decodeMs: durationMs,
      queueMs: waitMs + queueMs,
      embedMs,
    }
  }
}
