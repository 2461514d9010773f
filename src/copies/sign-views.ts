/**
 * 256 signs of a view of a picture, after PDQ (Facebook 2019, "The TMK+PDQF Video-Hashing Algorithm and the PDQ
 * Image-Hashing Algorithm"): the 16 × 16 lowest frequencies of a discrete cosine transform, without the mean of
 * each row and column. PDQ compares with the median, which of such coefficients is about 0; with 0 itself the
 * signs of the mirror image follow from those of the picture. What PDQ lacks is tolerance of crops: hence views.
 */

/** Frequencies 1 to 16 in each direction. */
const frequencies = 16
/** 32-bit words of the signs of one view. */
export const wordsPerView = (frequencies * frequencies) / 32
/** Of them, those of the 8 × 8 lowest frequencies, which come first. */
export const lowWords = 2
/** Side of the grid that views are taken from. */
export const gridSide = 32

/** Part of a line: where it begins and how long it is, 0 to 1. */
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
 * @param into where the words of the views go, one view after the other
 */
export function signViews(grid: Float64Array, views: readonly View[], into: Uint32Array): void {
  const narrowed = new Map<Span, Float64Array>()
  views.forEach(({ columns, rows }, i) => {
    let half = narrowed.get(columns)
    if (half === undefined) narrowed.set(columns, (half = alongRows(grid, cosinesOf(columns))))
    writeSigns(half, cosinesOf(rows), into.subarray(i * wordsPerView, (i + 1) * wordsPerView))
  })
}

/** @returns [frequencies, gridSide]: each row of the grid transformed */
function alongRows(grid: Float64Array, cosines: Float64Array): Float64Array {
  const half = new Float64Array(frequencies * gridSide)
  for (let u = 0; u < frequencies; u++) {
    for (let row = 0; row < gridSide; row++) half[u * gridSide + row] = dot(grid, row * gridSide, cosines, u * gridSide)
  }
  return half
}

/** The first two words are the 8 × 8 lowest frequencies, which outlast every change best; then the others by rows. */
function writeSigns(half: Float64Array, cosines: Float64Array, words: Uint32Array): void {
  for (let v = 0; v < frequencies; v++) {
    let signs = 0
    for (let u = 0; u < frequencies; u++) if (dot(half, u * gridSide, cosines, v * gridSide) > 0) signs |= 1 << u
    if (v < 8) {
      words[v >> 2]! |= (signs & 0xff) << ((v & 3) << 3)
      words[2 + (v >> 2)]! |= (signs >>> 8) << ((v & 3) << 3)
    } else words[v >> 1]! |= signs << ((v & 1) << 4)
  }
}

/** Of `gridSide` values from each. Four sums at once: nearly all of the time is spent here. */
function dot(a: Float64Array, i: number, b: Float64Array, j: number): number {
  let p = 0
  let q = 0
  let r = 0
  let s = 0
  for (const end = i + gridSide; i < end; i += 4, j += 4) {
    p += a[i]! * b[j]!
    q += a[i + 1]! * b[j + 1]!
    r += a[i + 2]! * b[j + 2]!
    s += a[i + 3]! * b[j + 3]!
  }
  return p + q + r + s
}

/** By span, for those that views of all pictures share. */
const keptCosines = new WeakMap<Span, Float64Array>()

/** [frequencies, gridSide]: cosine of each frequency over the span, integrated over each cell of the grid; 0 outside. */
function cosinesOf(span: Span): Float64Array {
  const kept = keptCosines.get(span)
  if (kept !== undefined) return kept
  const cosines = new Float64Array(frequencies * gridSide)
  for (let u = 1; u <= frequencies; u++) {
    // ∫ cos(π·u·t) dt = sin(π·u·t) / (π·u), t from 0 to 1 over the span
    const integral = (place: number) => Math.sin(Math.PI * u * Math.min(1, Math.max(0, (place / gridSide - span.start) / span.length))) / (Math.PI * u)
    for (let cell = 0; cell < gridSide; cell++) cosines[(u - 1) * gridSide + cell] = integral(cell + 1) - integral(cell)
  }
  keptCosines.set(span, cosines)
  return cosines
}
