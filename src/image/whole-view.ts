/**
 * All of a picture, small: what its copy descriptor is made from. Where it can, it comes from the same decode as the
 * square that the network sees: that is cut from it here, instead of in the decoder.
 */
import type { Sharp } from 'sharp'
import { fromRgb, type OpenedImage, type SizedRgb, toSizedRgb } from './decoder.js'
import type { Preprocessing } from './preprocessing.js'

export interface Shape {
  width: number
  height: number
}

/** Longer side by shorter side from which all of a picture, with its shorter side long enough, is too large: it is squashed. */
const elongatedFrom = 4
/** Shorter side that a descriptor needs, pixels. */
export const wholeSideMin = 112

/**
 * Whether the decode for the network's square shows all of the picture, large enough, and the square can be cut from it
 * the same to the bit as sharp cuts it. Enlarging rounds otherwise where less is made; such a picture is small, and
 * decoded quickly a second time.
 */
export function showsWhole(shape: Shape, { fit, resizeShortSide, inputSize }: Preprocessing): boolean {
  if (fit === 'squash') return inputSize >= wholeSideMin
  const enlarged = Math.min(shape.width, shape.height) < resizeShortSide
  return resizeShortSide >= wholeSideMin && !isElongated(shape) && !(enlarged && inputSize < resizeShortSide)
}

/** Whether the whole that comes with the square is at least of this size. */
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

/** The picture with its shorter side as long as that of the square it is cut to. */
export function wholeAtSize(
  image: OpenedImage,
  source: Sharp,
  { width, height }: Shape,
  { resizeShortSide: side, inputSize, kernel }: Preprocessing,
): Promise<SizedRgb> {
  const resized = source.resize(side, side, { kernel, fastShrinkOnLoad: false, fit: 'outside' })
  if (inputSize === side) return toSizedRgb(image, resized)
  // sharp turns a picture upright before it is resized where something is cut after that, else later: the square is
  // the same to the bit only when something is cut here too, if it is nothing
  const shrink = Math.min(width, height) / side
  return toSizedRgb(
    image,
    resized.extract({ left: 0, top: 0, width: Math.round(width / shrink), height: Math.round(height / shrink) }),
  )
}

/** Decoded for itself, as coarsely as the decoder can. */
export function wholeAlone(image: OpenedImage, source: Sharp, shape: Shape): Promise<SizedRgb> {
  return toSizedRgb(image, source.resize(wholeSideMin, wholeSideMin, { fit: isElongated(shape) ? 'fill' : 'outside' }))
}

/** The same of all pixels: those, as far as they are not too few. */
export async function wholeOf(image: OpenedImage, all: SizedRgb, shape: Shape): Promise<SizedRgb> {
  return Math.min(shape.width, shape.height) < wholeSideMin ? wholeAlone(image, fromRgb(all), shape) : all
}

function isElongated({ width, height }: Shape): boolean {
  return Math.max(width, height) >= elongatedFrom * Math.min(width, height)
}
