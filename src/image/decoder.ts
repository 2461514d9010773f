/** The only importer of sharp: opens untrusted bytes with every limit set, and names what goes wrong. */
import sharp, { type Sharp } from 'sharp'
import { AlikeError } from '../errors.js'
import { formatOf, type ImageFormat } from './formats.js'

// Settings of the native library, which knows only one set per process. Pictures are never decoded
// twice, so its cache would only hold memory; parallelism comes from many pictures at once.
sharp.cache(false)
sharp.concurrency(1)
// Defence behind `formatOf`: even bytes that fool the signature check reach no other loader.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((loader) => `VipsForeignLoad${loader}Buffer`),
})

export interface OpenedImage {
  format: ImageFormat
  /** Size after EXIF orientation, pixels. */
  width: number
  height: number
  /** A fresh pipeline on the same bytes: first frame, upright. */
  pipeline(): Sharp
}

/**
 * Reads the header only.
 * @throws AlikeError `image_empty`, `image_format_unsupported`, `image_unreadable`, `image_too_many_pixels`.
 */
export async function openImage(bytes: Uint8Array, maxPixels: number): Promise<OpenedImage> {
  const format = formatOf(bytes)
  const pipeline = () =>
    sharp(bytes, {
      // a truncated picture is refused; mere warnings (odd metadata) are not
      failOn: 'error',
      limitInputPixels: maxPixels,
      sequentialRead: true,
      autoOrient: true,
      pages: 1,
    })
  const { autoOrient } = await decoding(pipeline().metadata())
  return { format, width: autoOrient.width, height: autoOrient.height, pipeline }
}

/** Upright picture of any colour space → 8-bit sRGB, RGB order, alpha flattened on white. */
export async function toRgb(pipeline: Sharp): Promise<Uint8Array> {
  return decoding(pipeline.flatten({ background: '#ffffff' }).toColourspace('srgb').raw().toBuffer())
}

/** Awaits work of sharp and turns its failure into the catalogue's. */
export async function decoding<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const tooLarge = cause instanceof Error && cause.message.includes('exceeds pixel limit')
    throw new AlikeError(tooLarge ? 'image_too_many_pixels' : 'image_unreadable', { cause })
  }
}
