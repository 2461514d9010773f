/** The centre square of a resized picture, chosen as by sharp's `cover` and a crop to the input size. */
import type { SizedRgb } from './decoder.js'
import type { Preprocessing } from './preprocessing.js'

/** @param size with a shorter side of `resizeShortSide` */
export function middleOf(
  { width, height }: { width: number; height: number },
  { resizeShortSide, inputSize }: Preprocessing,
): { left: number; top: number } {
  const margin = Math.floor((resizeShortSide - inputSize) / 2)
  return {
    left: Math.floor((width - resizeShortSide + 1) / 2) + margin,
    top: Math.floor((height - resizeShortSide + 1) / 2) + margin,
  }
}

export function middleSquare(whole: SizedRgb, preprocessing: Preprocessing): Uint8Array {
  const { rgb, width } = whole
  const { inputSize } = preprocessing
  const { left, top } = middleOf(whole, preprocessing)
  const square = new Uint8Array(inputSize * inputSize * 3)
  for (let row = 0; row < inputSize; row++) {
    const from = ((top + row) * width + left) * 3
    square.set(rgb.subarray(from, from + inputSize * 3), row * inputSize * 3)
  }
  return square
}
