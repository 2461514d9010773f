/** The copy descriptor of a picture of which only the thumbnail is left. */
import { describeCopies } from '../copies/copy-descriptor.js'
import { decodeMemoryBytes } from './decode-memory.js'
import type { DecodePermits } from './decode-permits.js'
import { openImage, toSizedRgb } from './decoder.js'

/** Thumbnails are made here, and small. */
const maxPixels = 2_048 * 2_048

/** Behind everything else that is decoded. @throws AlikeError `image_*`; the signal's reason when aborted */
export async function describeThumbnail(webp: Uint8Array, permits: DecodePermits, signal: AbortSignal): Promise<Uint8Array> {
  const image = await openImage(webp, maxPixels)
  const bytes = decodeMemoryBytes(image.facts, { shrink: 1, shrinkOnLoad: false })
  const { rgb, width, height } = await permits.run(() => toSizedRgb(image, image.pipeline()), { bytes, signal, priority: 'bulk' })
  return describeCopies(rgb, width, height)
}
