/** Loops over the pixels of small pictures, in C++ (`native/pixels.cc`), a third to a sixth of their time in JavaScript. */
import { loadFastest } from '../native-build.js'

/** Lengths of arguments are checked, and so are indices: an invalid one is a RangeError. */
export interface NativePixels {
  /**
   * Each new pixel from four, with weights in units of 1/2¹².
   * @param lineSamples of `rgb`
   * @param left, right [columns]: the pixels of a line beside each column
   * @param across [columns]: weight of the right one
   * @param above, below [rows]: the lines around each row
   * @param down [rows]: weight of the lower one
   * @param into [rows, columns, 3]
   */
  interpolate(
    rgb: Uint8Array,
    lineSamples: number,
    left: Int32Array,
    right: Int32Array,
    across: Int32Array,
    above: Int32Array,
    below: Int32Array,
    down: Int32Array,
    into: Uint8Array,
  ): void
  /**
   * Each new pixel from four by four, with weights in units of 1/2¹²: lines are widened first, and rounded.
   * @param lineSamples of `rgb`
   * @param columnTaps, columnWeights [columns, 4]: pixels of a line, and their weights
   * @param rowTaps, rowWeights [rows, 4]: lines, consecutive or repeated, and their weights
   * @param into [rows, columns, 3]
   */
  convolve(
    rgb: Uint8Array,
    lineSamples: number,
    columnTaps: Int32Array,
    columnWeights: Int32Array,
    rowTaps: Int32Array,
    rowWeights: Int32Array,
    into: Uint8Array,
  ): void
  /**
   * Each new pixel as the mean of those it covers. A part reaches from `first`, with weight `head`, to `last`, with
   * weight `tail`; those in between have the weight `inner`.
   * @param rgb [height, width, 3]
   * @param into [rows, columns, 3]
   */
  average(
    rgb: Uint8Array,
    width: number,
    height: number,
    ...parts: [...columns: Parts, ...rows: Parts, into: Uint8Array]
  ): void
  /**
   * Brightness of each two by two pixels; an odd last row or column is dropped.
   * @param lineSamples of `rgb`
   * @param weights of red, green and blue, in units of 1/2⁸
   * @param into [rows / 2, columns / 2]
   */
  halvedLuma(rgb: Uint8Array, lineSamples: number, weights: Int32Array, into: Uint8Array): void
  /** @param a, b [m, length] and [n, length] @param into a · bᵀ: [m, n], each summed in order */
  products(a: Float64Array, b: Float64Array, length: number, into: Float64Array): void
}

export type Parts = [first: Int32Array, last: Int32Array, head: Float32Array, tail: Float32Array, inner: number]

export const nativePixels = loadFastest<NativePixels>('alike-pixels').native
