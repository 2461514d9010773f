/** Where the pixels of an enlarged square lie in the picture, as `vips_affine` computes it. */
import { middleOf } from './middle-square.js'
import type { Preprocessing } from './preprocessing.js'

export interface Placed {
  inputSize: number
  /** Of the square in the enlarged picture. */
  left: number
  top: number
  /** Pixels of the picture for each one of the square. */
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

/** Places along a line, one for each column or row of the square. */
export type Axis = Float64Array

/** Half a pixel, and a border of one. */
const centre = 0.5 - 1

/**
 * Adds steps up from the first column, as it is done there: the product would round otherwise. Rows are multiplied.
 * @param before pixels that the interpolation needs before the place itself
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

/** What lies outside looks like the edge. */
export function inside(at: number, length: number): number {
  return Math.min(Math.max(at, 0), length - 1)
}
