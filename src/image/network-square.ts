/** The square that the network sees, according to its preprocessing. */
import type { Sharp } from 'sharp'
import { cubicSquare } from './cubic-enlargement.js'
import type { SizedRgb } from './decoder.js'
import { linearSquare } from './linear-enlargement.js'
import type { Preprocessing } from './preprocessing.js'

/** Shorter side from which the square is cut, pixels. */
export function shortSideOf({ fit, resizeShortSide, inputSize }: Preprocessing): number {
  return fit === 'cover' ? resizeShortSide : inputSize
}

/** Whether the square is smaller than the picture's shorter side after the resize. */
export function isCutAfterResize({ fit, resizeShortSide, inputSize }: Preprocessing): boolean {
  return fit === 'cover' && resizeShortSide !== inputSize
}

/** For the views with the other fit. */
export function otherRule(preprocessing: Preprocessing): Preprocessing {
  return { ...preprocessing, fit: preprocessing.fit === 'cover' ? 'squash' : 'cover' }
}

export function isEnlargedHere({ fit }: Preprocessing): boolean {
  return fit === 'cover'
}

/** libvips enlarges in two ways: with the kernel `linear`, and one way for all others. */
export function enlargedSquare(all: SizedRgb, preprocessing: Preprocessing): Uint8Array {
  return (preprocessing.kernel === 'linear' ? linearSquare : cubicSquare)(all, preprocessing)
}

export function squared(source: Sharp, { inputSize, fit, resizeShortSide, kernel }: Preprocessing): Sharp {
  // `fastShrinkOnLoad: false` leaves at least a factor of two to the real filter: the coarse shrink
  // of the JPEG decoder alone would change pixels by up to 9/255 between sizes of the same picture.
  const how = { kernel, fastShrinkOnLoad: false }
  if (fit === 'squash') return source.resize(inputSize, inputSize, { ...how, fit: 'fill' })
  const resized = source.resize(resizeShortSide, resizeShortSide, { ...how, fit: 'cover' })
  if (resizeShortSide === inputSize) return resized
  const margin = Math.floor((resizeShortSide - inputSize) / 2)
  return resized.extract({ left: margin, top: margin, width: inputSize, height: inputSize })
}
