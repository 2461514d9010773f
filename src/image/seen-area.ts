/** The part of a picture that the network sees: all of it, or its centre square. */
import type { Preprocessing } from './preprocessing.js'
import { type Region, regionToPixels } from './region.js'

/** In fractions of the upright picture's sides. */
export interface Area {
  x: number
  y: number
  width: number
  height: number
}

/** For the default view. @param region the prepared part; default: the whole. @throws AlikeError `region_invalid` */
export function seenArea(
  { width, height }: { width: number; height: number },
  { fit, inputSize, resizeShortSide }: Pick<Preprocessing, 'fit' | 'inputSize' | 'resizeShortSide'>,
  region?: Region,
): Area {
  const part = region === undefined ? { left: 0, top: 0, width, height } : regionToPixels(region, width, height)
  const side = (Math.min(part.width, part.height) * inputSize) / resizeShortSide
  const seen = fit === 'squash' ? part : { width: side, height: side }
  return {
    x: (part.left + (part.width - seen.width) / 2) / width,
    y: (part.top + (part.height - seen.height) / 2) / height,
    width: seen.width / width,
    height: seen.height / height,
  }
}
