/** Source positions of the pixels of an enlarged square, as computed by `vips_affine`. */
import { middleOf } from './middle-square.js'
import type { Preprocessing } from './preprocessing.js'

export interface Placed {
  inputSize: number
  /** Position of the square in the enlarged picture. */
  left: number
  top: number
  /** Source pixels per pixel of the square. */
  step: number
}

export function placedSquare(
  { width, height }: { width: number; height: number },
  preprocessing: Preprocessing,
): Placed {
  const { inputSize, resizeShortSide } = preprocessing
  const scale = 1 / (Math.min(width, height) / resizeShortSide)
  const enlarged = { width: Math.round(width * scale), height: Math.round(height * scale) }
  const step = (1 / (scale * scale)) * scale // the inverse of the matrix, as it is rounded there
  return { inputSize, ...middleOf(enlarged, preprocessing), step }
}

/** Source positions along a line, one per column or row of the square. */
export type Axis = Float64Array

/** Half a pixel, minus a border of one. */
const centre = 0.5 - 1

/**
 * Accumulates steps from the first column, as libvips does: a product would round differently. Rows are multiplied.
 * @param before pixels that the interpolation needs before the position itself
 */
export function axisOf({ inputSize, step, ...place }: Placed, from: 'left' | 'top', before: number): Axis {
  const axis = new Float64Array(inputSize)
  let at = step * place[from] - centre + before
  for (let i = 0; i < inputSize; i++) {
    axis[i] = from === 'left' ? at : step * (place.top + i) - centre + before
    at += step
  }
  return axis
}

/** Positions outside repeat the edge. */
export function inside(at: number, length: number): number {
  return Math.min(Math.max(at, 0), length - 1)
}
