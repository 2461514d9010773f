/**
 * 256 signs of a view of a picture, after PDQ (Facebook 2019, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
 * Image-Hashing Algorithm"): the 16 × 16 lowest frequencies of a discrete cosine transform, without the mean of each
 * row and column. PDQ compares with the median, which is about 0 for such coefficients; comparing with 0 itself lets
 * the signs of the mirror image follow from those of the picture. PDQ does not tolerate crops: hence views.
 */
import { nativePixels } from '../pixels/native-pixels.js'

/** Frequencies 1 to 16 in each direction. */
const frequencies = 16
/** 32-bit words of one view's signs. */
export const wordsPerView = (frequencies * frequencies) / 32
/** Words of the 8 × 8 lowest frequencies, which come first. */
export const lowWords = 2
/** Side of the grid from which views are computed. */
export const gridSide = 32
/** Cosines of a span. */
const cosineCount = frequencies * gridSide

/** Part of a line: start and length, 0 to 1. */
export interface Span {
  start: number
  length: number
}

/** Views that share a span share the work for it. */
export interface View {
  columns: Span
  rows: Span
}

/**
 * @param grid [gridSide, gridSide]
 * @param into receives the words of the views, one view after the other
 */
export function signViews(grid: Float64Array, views: readonly View[], into: Uint32Array): void {
  const spans = [...new Set(views.map(({ columns }) => columns))]
  const cosines = new Float64Array(spans.length * cosineCount)
  spans.forEach((span, i) => cosines.set(cosinesOf(span), i * cosineCount))
  // for each span [frequencies, gridSide]: each row of the grid transformed
  const narrowed = products(cosines, grid)
  views.forEach(({ columns, rows }, i) => {
    const at = spans.indexOf(columns) * cosineCount
    const coefficients = products(cosinesOf(rows), narrowed.subarray(at, at + cosineCount))
    writeSigns(coefficients, into.subarray(i * wordsPerView, (i + 1) * wordsPerView))
  })
}

/** The first two words are the 8 × 8 lowest frequencies, which survive changes best; then the others by rows. */
function writeSigns(coefficients: Float64Array, words: Uint32Array): void {
  for (let v = 0; v < frequencies; v++) {
    let signs = 0
    for (let u = 0; u < frequencies; u++) if (coefficients[v * frequencies + u]! > 0) signs |= 1 << u
    if (v < 8) {
      words[v >> 2]! |= (signs & 0xff) << ((v & 3) << 3)
      words[2 + (v >> 2)]! |= (signs >>> 8) << ((v & 3) << 3)
    } else words[v >> 1]! |= signs << ((v & 1) << 4)
  }
}

/** @param a, b [m, gridSide] and [n, gridSide] @returns a · bᵀ: [m, n] */
function products(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array((a.length / gridSide) * (b.length / gridSide))
  nativePixels.products(a, b, gridSide, result)
  return result
}

/** Cached by span, because all pictures use the same spans. */
const keptCosines = new WeakMap<Span, Float64Array>()

/**
 * [frequencies, gridSide]: cosine of each frequency over the span, integrated over each cell of the grid; 0 outside.
 */
function cosinesOf(span: Span): Float64Array {
  const kept = keptCosines.get(span)
  if (kept !== undefined) return kept
  const cosines = new Float64Array(cosineCount)
  for (let u = 1; u <= frequencies; u++) {
    // ∫ cos(π·u·t) dt = sin(π·u·t) / (π·u), t from 0 to 1 over the span
    const integral = (place: number) =>
      Math.sin(Math.PI * u * Math.min(1, Math.max(0, (place / gridSide - span.start) / span.length))) / (Math.PI * u)
    for (let cell = 0; cell < gridSide; cell++) cosines[(u - 1) * gridSide + cell] = integral(cell + 1) - integral(cell)
  }
  keptCosines.set(span, cosines)
  return cosines
}
