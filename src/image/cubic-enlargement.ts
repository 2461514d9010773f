/**
 * Enlarges a small picture to the network's square with the kernel `cubic` (and with `lanczos3`, for which libvips does
 * the same): bit for bit as sharp does (libvips 8.18: `vips_affine` with bicubic interpolation, in fixed point). Each
 * line is widened once and reused for every row it contributes to. A test compares both implementations.
 *
 * Nothing is allocated per row: what a query leaves behind decides how often the whole heap is collected.
 */
import type { SizedRgb } from './decoder.js'
import { type Axis, axisOf, inside, type Placed, placedSquare } from './enlarged-square.js'
import type { Preprocessing } from './preprocessing.js'

/** Fixed-point bits of the weights. */
const fractionBits = 12
const half = 1 << (fractionBits - 1)
/** Sub-pixel positions with separate weights. */
const places = 64

/** @param image with a shorter side below `resizeShortSide` @returns [inputSize, inputSize, 3] */
export function cubicSquare(image: SizedRgb, preprocessing: Preprocessing): Uint8Array {
  const { width, height, rgb } = image
  const placed = placedSquare(image, preprocessing)
  const { inputSize } = placed
  const columns = tapsOf(placed, { from: 'left', length: width, stride: 3 })
  const rows = tapsOf(placed, { from: 'top', length: height, stride: 1 })
  const samples = inputSize * 3
  const square = new Uint8ClampedArray(samples * inputSize)
  // The four lines of a row never share an entry.
  const widened = Array.from({ length: 4 }, () => ({ line: -1, values: new Int32Array(samples) }))
  const valuesOf = (line: number): Int32Array => {
    const kept = widened[line & 3]!
    if (kept.line !== line) {
      widen(rgb, line * width * 3, columns, kept.values)
      kept.line = line
    }
    return kept.values
  }
  const { pixels, weights } = rows
  for (let row = 0, tap = 0; row < inputSize; row++, tap += 4) {
    const [a, b] = [valuesOf(pixels[tap]!), valuesOf(pixels[tap + 1]!)]
    const [c, d] = [valuesOf(pixels[tap + 2]!), valuesOf(pixels[tap + 3]!)]
    const [p, q, r, s] = [weights[tap]!, weights[tap + 1]!, weights[tap + 2]!, weights[tap + 3]!]
    // clamped to 0..255 by the array
    for (let i = 0, at = row * samples; i < samples; i++, at++) {
      square[at] = (p * a[i]! + q * b[i]! + r * c[i]! + s * d[i]! + half) >> fractionBits
    }
  }
  return new Uint8Array(square.buffer)
}

interface Taps {
  /** [count, 4]: source samples of each new pixel; indices are samples of a line or lines. */
  pixels: Int32Array
  /** [count, 4], in units of 1/2¹². */
  weights: Int32Array
}

/** Pixels before the first tap, plus a border of two. */
const border = 3

function tapsOf(
  placed: Placed,
  { from, length, stride }: { from: 'left' | 'top'; length: number; stride: number },
): Taps {
  const count = placed.inputSize
  const taps: Taps = { pixels: new Int32Array(count * 4), weights: new Int32Array(count * 4) }
  const axis: Axis = axisOf(placed, from, 1)
  for (let i = 0; i < count; i++) {
    const at = axis[i]!
    const first = Math.trunc(at) - border
    const place = ((Math.trunc(at * places * 2) & (places * 2 - 1)) + 1) >> 1
    for (let tap = 0; tap < 4; tap++) {
      taps.pixels[i * 4 + tap] = inside(first + tap, length) * stride
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

/** @param from where the line begins in `rgb` */
function widen(rgb: Uint8Array, from: number, { pixels, weights }: Taps, into: Int32Array): void {
  for (let tap = 0, at = 0; at < into.length; tap += 4, at += 3) {
    // Read individually: destructuring would allocate for every pixel, at five times the cost.
    const a = from + pixels[tap]!
    const b = from + pixels[tap + 1]!
    const c = from + pixels[tap + 2]!
    const d = from + pixels[tap + 3]!
    const p = weights[tap]!
    const q = weights[tap + 1]!
    const r = weights[tap + 2]!
    const s = weights[tap + 3]!
    into[at] = (p * rgb[a]! + q * rgb[b]! + r * rgb[c]! + s * rgb[d]! + half) >> fractionBits
    into[at + 1] = (p * rgb[a + 1]! + q * rgb[b + 1]! + r * rgb[c + 1]! + s * rgb[d + 1]! + half) >> fractionBits
    into[at + 2] = (p * rgb[a + 2]! + q * rgb[b + 2]! + r * rgb[c + 2]! + s * rgb[d + 2]! + half) >> fractionBits
  }
}
