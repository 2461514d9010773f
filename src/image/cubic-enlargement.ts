/**
 * Enlarges a small picture to the network's square with the kernel `cubic` (and with `lanczos3`, for which libvips does
 * the same): bit for bit as sharp does (libvips 8.18: `vips_affine` with bicubic interpolation, in fixed point). Each
 * line is widened once and reused for every row it contributes to. A test compares both implementations.
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
      widen(rgb.subarray(line * width * 3, (line + 1) * width * 3), columns, kept.values)
      kept.line = line
    }
    return kept.values
  }
  for (let row = 0; row < inputSize; row++) {
    const at = row * 4
    const lines = [0, 1, 2, 3].map((tap) => valuesOf(rows.pixels[at + tap]!)) as FourLines
    weigh(lines, rows.weights.subarray(at, at + 4), square.subarray(row * samples, (row + 1) * samples))
  }
  return new Uint8Array(square.buffer)
}

type FourLines = [Int32Array, Int32Array, Int32Array, Int32Array]

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

function widen(line: Uint8Array, { pixels, weights }: Taps, into: Int32Array): void {
  for (let tap = 0, at = 0; at < into.length; tap += 4, at += 3) {
    // Read individually: destructuring would allocate for every pixel, at five times the cost.
    const a = pixels[tap]!
    const b = pixels[tap + 1]!
    const c = pixels[tap + 2]!
    const d = pixels[tap + 3]!
    const p = weights[tap]!
    const q = weights[tap + 1]!
    const r = weights[tap + 2]!
    const s = weights[tap + 3]!
    into[at] = (p * line[a]! + q * line[b]! + r * line[c]! + s * line[d]! + half) >> fractionBits
    into[at + 1] = (p * line[a + 1]! + q * line[b + 1]! + r * line[c + 1]! + s * line[d + 1]! + half) >> fractionBits
    into[at + 2] = (p * line[a + 2]! + q * line[b + 2]! + r * line[c + 2]! + s * line[d + 2]! + half) >> fractionBits
  }
}

/** @param into clamps values to 0..255 */
function weigh([a, b, c, d]: FourLines, weights: Int32Array, into: Uint8ClampedArray): void {
  const [p, q, r, s] = [weights[0]!, weights[1]!, weights[2]!, weights[3]!]
  for (let i = 0; i < into.length; i++) {
    into[i] = (p * a[i]! + q * b[i]! + r * c[i]! + s * d[i]! + half) >> fractionBits
  }
}
