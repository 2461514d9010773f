/**
 * A small version of the whole picture, from which its copy descriptor is computed. If possible it comes from the same
 * decode as the network's square, which is then cut from it here instead of in the decoder.
 */
import type { Sharp } from 'sharp'
import { fromRgb, type OpenedImage, type SizedRgb, toSizedRgb } from './decoder.js'
import type { Preprocessing } from './preprocessing.js'

export interface Shape {
  width: number
  height: number
}

/**
 * Ratio of longer to shorter side from which the whole picture, with a long enough shorter side, would be too large: it
 * is squashed.
 */
const elongatedFrom = 4
/** Likewise for a whole from which only the network's square is cut. */
const uncutFrom = 16
/** Minimum shorter side for a descriptor, pixels. */
export const wholeSideMin = 112

/**
 * Whether the decode for the network's square contains the whole picture at sufficient size, and the square can be cut
 * from it bit for bit as sharp would. Enlarging rounds differently when less is produced; such a picture is small and
 * quickly decoded a second time.
 */
export function showsWhole(shape: Shape, preprocessing: Preprocessing): boolean {
  const { fit, resizeShortSide, inputSize } = preprocessing
  if (fit === 'squash') return inputSize >= wholeSideMin
  return resizeShortSide >= wholeSideMin && !isElongated(shape) && !isCutEnlarged(shape, preprocessing)
}

/** Whether the square can be cut from the whole picture, as above, if nothing else is made from that. */
export function isCutFromWhole(shape: Shape, preprocessing: Preprocessing): boolean {
  return !isElongated(shape, uncutFrom) && !isCutEnlarged(shape, preprocessing)
}

function isCutEnlarged(shape: Shape, { resizeShortSide, inputSize }: Preprocessing): boolean {
  return Math.min(shape.width, shape.height) < resizeShortSide && inputSize < resizeShortSide
}

/** Whether the whole that comes with the square has at least this size. */
export function wholeHolds({ width, height }: Shape, shape: Shape, preprocessing: Preprocessing): boolean {
  if (!showsWhole(shape, preprocessing)) return false
  const { fit, inputSize, resizeShortSide } = preprocessing
  const short = Math.min(shape.width, shape.height)
  const [across, down] =
    fit === 'squash'
      ? [inputSize, inputSize]
      : [shape.width, shape.height].map((side) => Math.round((side / short) * resizeShortSide))
  return width <= across! && height <= down!
}

/** The picture with the shorter side of the square that is cut from it. */
export function wholeAtSize(
  image: OpenedImage,
  source: Sharp,
  { resizeShortSide: side, kernel }: Preprocessing,
): Promise<SizedRgb> {
  return toSizedRgb(image, source.resize(side, side, { kernel, fastShrinkOnLoad: false, fit: 'outside' }))
}

/** A separate decode, as coarse as the decoder allows. */
export function wholeAlone(image: OpenedImage, source: Sharp, shape: Shape): Promise<SizedRgb> {
  return toSizedRgb(image, source.resize(wholeSideMin, wholeSideMin, { fit: isElongated(shape) ? 'fill' : 'outside' }))
}

/** The same from all pixels: uses them directly unless they are too few. */
export async function wholeOf(image: OpenedImage, all: SizedRgb, shape: Shape): Promise<SizedRgb> {
  return Math.min(shape.width, shape.height) < wholeSideMin ? wholeAlone(image, fromRgb(all), shape) : all
}

export function isElongated({ width, height }: Shape, from = elongatedFrom): boolean {
  return Math.max(width, height) >= from * Math.min(width, height)
}
