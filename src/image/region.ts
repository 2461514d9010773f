/** Converts the part of a picture selected by the caller to whole pixels. */
import { AlikeError } from '../errors.js'

/** A rectangle in the upright picture (after EXIF orientation), origin at the top left. */
export interface Region {
  x: number
  y: number
  width: number
  height: number
  /** `relative`: fractions 0..1 of width and height; `pixel`: pixels of the upright original. */
  unit: 'relative' | 'pixel'
}

export interface PixelRectangle {
  left: number
  top: number
  width: number
  height: number
}

/**
 * Rounds the edges to whole pixels and clips to the picture; never less than one pixel.
 * @throws AlikeError `region_invalid` if no part of it lies inside a picture of this size.
 */
export function regionToPixels(region: Region, imageWidth: number, imageHeight: number): PixelRectangle {
  const scaleX = region.unit === 'relative' ? imageWidth : 1
  const scaleY = region.unit === 'relative' ? imageHeight : 1
  const [left, width] = clip(region.x * scaleX, region.width * scaleX, imageWidth)
  const [top, height] = clip(region.y * scaleY, region.height * scaleY, imageHeight)
  return { left, top, width, height }
}

function clip(start: number, length: number, limit: number): [start: number, length: number] {
  // written so that NaN is refused too
  if (!(length > 0 && start < limit && start + length > 0)) throw new AlikeError('region_invalid')
  const first = Math.min(Math.max(Math.round(start), 0), limit - 1)
  const end = Math.min(Math.max(Math.round(start + length), first + 1), limit)
  return [first, end - first]
}
