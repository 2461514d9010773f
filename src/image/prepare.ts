/** The pixel path: bytes of a picture → the square that the network sees. Training and serving alike. */
import type { Sharp } from 'sharp'
import { decoding, openImage, toRgb } from './decoder.js'
import type { ImageFormat } from './formats.js'
import type { Preprocessing } from './preprocessing.js'
import { regionToPixels, type Region } from './region.js'
import { mirrored } from './views.js'

export interface PrepareOptions {
  preprocessing: Preprocessing
  /** Upper bound of width × height, checked on the header before anything is decoded. */
  maxPixels: number
  /** Only this part of the upright picture is prepared; the thumbnail shows the whole. */
  region?: Region
  /** How many views to make, 1 to 4, in the order of `views.ts`. Default 1. */
  views?: number
  /** Also make a WebP thumbnail that fits a square of `maxSide` pixels. */
  thumbnail?: { maxSide: number }
  /** Checked between the stages; a decode that has begun is finished. */
  signal?: AbortSignal
}

export interface PreparedImage {
  /** [inputSize, inputSize, 3], RGB, 0..255. */
  pixels: Uint8Array
  /** As many as asked for, `pixels` first. */
  views: Uint8Array[]
  /** Size of the upright original, pixels. */
  width: number
  height: number
  format: ImageFormat
  /** WebP. */
  thumbnail?: Buffer
  durationMs: number
}

/**
 * One decode per output: orientation, region, resize, crop, alpha on white, 8-bit sRGB.
 * @throws AlikeError `image_empty`, `image_format_unsupported`, `image_unreadable`,
 * `image_too_many_pixels`, `region_invalid`; the signal's reason when aborted.
 */
export async function prepareImage(bytes: Uint8Array, options: PrepareOptions): Promise<PreparedImage> {
  const started = performance.now()
  options.signal?.throwIfAborted()
  const image = await openImage(bytes, options.maxPixels)
  options.signal?.throwIfAborted()

  const { width, height, format } = image
  const { preprocessing, region, views: viewCount = 1 } = options
  const source = () => (region === undefined ? image.pipeline() : image.pipeline().extract(regionToPixels(region, width, height)))
  const [pixels, otherFit, thumbnail] = await Promise.all([
    toRgb(squared(source(), preprocessing)),
    viewCount < 3 ? undefined : toRgb(squared(source(), { ...preprocessing, fit: preprocessing.fit === 'cover' ? 'squash' : 'cover' })),
    options.thumbnail === undefined ? undefined : makeThumbnail(image.pipeline(), options.thumbnail.maxSide),
  ])
  options.signal?.throwIfAborted()

  const whole = otherFit === undefined ? [pixels] : [pixels, otherFit]
  const views = viewCount === 1 ? whole : whole.flatMap((view) => [view, mirrored(view, preprocessing.inputSize)]).slice(0, viewCount)
  const prepared = { pixels, views, width, height, format, durationMs: performance.now() - started }
  return thumbnail === undefined ? prepared : { ...prepared, thumbnail }
}

function squared(source: Sharp, { inputSize, fit, resizeShortSide, kernel }: Preprocessing): Sharp {
  // `fastShrinkOnLoad: false` leaves at least a factor of two to the real filter: the coarse shrink
  // of the JPEG decoder alone would move pixels by up to 9/255 between sizes of the same picture.
  const how = { kernel, fastShrinkOnLoad: false }
  if (fit === 'squash') return source.resize(inputSize, inputSize, { ...how, fit: 'fill' })
  const resized = source.resize(resizeShortSide, resizeShortSide, { ...how, fit: 'cover' })
  if (resizeShortSide === inputSize) return resized
  const margin = Math.floor((resizeShortSide - inputSize) / 2)
  return resized.extract({ left: margin, top: margin, width: inputSize, height: inputSize })
}

function makeThumbnail(source: Sharp, maxSide: number): Promise<Buffer> {
  const small = source.flatten({ background: '#ffffff' }).resize(maxSide, maxSide, { fit: 'inside', withoutEnlargement: true })
  // effort 0 halves the time of the default for a few hundred bytes more
  return decoding(small.webp({ quality: 75, effort: 0 }).toBuffer())
}
