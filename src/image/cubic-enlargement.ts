/**
 * Enlarges a small picture to the network's square with the kernel `cubic` (and with `lanczos3`, for which libvips does
 * the same): bit for bit as sharp does (libvips 8.18: `vips_affine` with bicubic interpolation, in fixed point). A
 * test compares both implementations.
 */
import { nativePixels } from '../pixels/native-pixels.js'
import type { SizedRgb } from './decoder.js'
import { type Axis, axisOf, inside, type Placed, placedSquare } from './enlarged-square.js'
import type { Preprocessing } from './preprocessing.js'

/** Fixed-point bits of the weights. */
const fractionBits = 12
/** Sub-pixel positions with separate weights. */
const places = 64

/** @param image with a shorter side below `resizeShortSide` @returns [inputSize, inputSize, 3] */
export function cubicSquare(image: SizedRgb, preprocessing: Preprocessing): Uint8Array {
  const { width, height, rgb } = image
  const placed = placedSquare(image, preprocessing)
  const { inputSize } = placed
  const columns = tapsOf(placed, 'left', width)
  const rows = tapsOf(placed, 'top', height)
  const square = new Uint8Array(inputSize * inputSize * 3)
  nativePixels.convolve(rgb, width * 3, columns.pixels, columns.weights, rows.pixels, rows.weights, square)
  return square
}

interface Taps {
  /** [count, 4]: source pixels or lines of each new one. */
  pixels: Int32Array
  /** [count, 4], in units of 1/2¹². */
  weights: Int32Array
}

/** Pixels before the first tap, plus a border of two. */
const border = 3

function tapsOf(placed: Placed, from: 'left' | 'top', length: number): Taps {
  const count = placed.inputSize
  const taps: Taps = { pixels: new Int32Array(count * 4), weights: new Int32Array(count * 4) }
  const axis: Axis = axisOf(placed, from, 1)
  for (let i = 0; i < count; i++) {
    const at = axis[i]!
    const first = Math.trunc(at) - border
    const place = ((Math.trunc(at * places * 2) & (places * 2 - 1)) + 1) >> 1
    for (let tap = 0; tap < 4; tap++) {
      taps.pixels[i * 4 + tap] = inside(first + tap, length)
      taps.weights[i * 4 + tap] = weightsOfPlaces[place * 4 + tap]!
    }
  }
  return taps
}

/** [places + 1, 4]: Catmull-Rom, truncated to whole 1/2¹² as in libvips. */
const weightsOfPlaces = Int32Array.from(
  Array.from({ length: places + 1 }, (_, place) => {
    const x = place / places
    const rest = 1 - x
    const bend = rest * (-0.5 * x)
    const first = rest * bend
    const last = x * bend
    const both = last - first
    return [first, rest - first + both, x - last - both, last].map((weight) => Math.trunc(weight * 2 ** fractionBits))
  }).flat(),
)
