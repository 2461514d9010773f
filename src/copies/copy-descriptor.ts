/** Describes what a picture has in common with its copies: the signs of many views of it, including crops. */
import { averaged, luminanceOf, type Plane } from './luminance.js'
import { withoutMargins } from './margins.js'
import { gridSide, type Span, signViews, type View, wordsPerView } from './sign-views.js'

interface Shape {
  width: number
  height: number
}

/** Standard deviation in luma levels: a more uniform picture has no features that its copies could share. */
const deviationMin = 2

const whole: Span = { start: 0, length: 1 }
const middle = (length: number): Span => ({ start: (1 - length) / 2, length })
const ends = (length: number): readonly Span[] => [
  { start: 0, length },
  { start: 1 - length, length },
]
const centred = (part: Span): View => ({ columns: part, rows: part })
const atCorners = (parts: readonly Span[]): View[] =>
  parts.flatMap((rows) => parts.map((columns) => ({ columns, rows })))
const atSides = (parts: readonly Span[]): View[] =>
  parts.flatMap((part) => [
    { columns: part, rows: whole },
    { columns: whole, rows: part },
  ])
const [middle90, middle80, middle70] = [middle(0.9), middle(0.8), middle(0.7)]
const [ends90, ends95] = [ends(0.9), ends(0.95)]

/** Of the unmodified picture. */
const viewsOfWhole: readonly View[] = [whole, middle90, middle80].map(centred)
/** Of the picture without its margins; the centre square comes after them. */
const viewsOfTrimmed: readonly View[] = [
  ...[whole, middle90, middle80, middle70].map(centred),
  ...atCorners(ends90),
  ...atSides(ends90),
  ...atCorners(ends95),
]

/** Number of stored views, in order: three of the whole picture, then those without margins. */
export const viewCounts = { whole: viewsOfWhole.length, all: viewsOfWhole.length + viewsOfTrimmed.length + 1 } as const
export const descriptorWords = viewCounts.all * wordsPerView
export const descriptorBytes = descriptorWords * 4

/**
 * @param rgb [height, width, 3], 0..255: the whole picture, upright, with a shorter side of some hundred pixels
 * @param shape of the picture, if it was squashed
 * @returns `descriptorBytes` bytes; empty for a picture without features
 */
export function describeCopies(
  rgb: Uint8Array,
  width: number,
  height: number,
  shape: Shape = { width, height },
): Uint8Array {
  const plane = luminanceOf(rgb, width, height)
  const grid = averaged(plane, { left: 0, top: 0, width: plane.width, height: plane.height }, gridSide)
  if (deviation(grid) < deviationMin) return new Uint8Array(0)
  const words = new Uint32Array(descriptorWords)
  signViews(grid, viewsOfWhole, words)
  signTrimmed(plane, grid, shape, words.subarray(viewCounts.whole * wordsPerView))
  return new Uint8Array(words.buffer)
}

function signTrimmed(plane: Plane, grid: Float64Array, shape: Shape, into: Uint32Array): void {
  const box = withoutMargins(plane)
  const trimmed = box.width === plane.width && box.height === plane.height ? grid : averaged(plane, box, gridSide)
  const [width, height] = [(box.width / plane.width) * shape.width, (box.height / plane.height) * shape.height]
  const side = Math.min(width, height)
  const square = { columns: keptMiddle(side / width), rows: keptMiddle(side / height) }
  signViews(trimmed, [...viewsOfTrimmed, square], into)
}

/** Pictures have few shapes, and a span that is the same object has its cosines already. */
const keptMiddles = new Map<number, Span>()
const keptMiddlesMax = 250

function keptMiddle(length: number): Span {
  let span = keptMiddles.get(length)
  if (span !== undefined) return span
  if (keptMiddles.size >= keptMiddlesMax) keptMiddles.clear()
  keptMiddles.set(length, (span = middle(length)))
  return span
}

/** Loops instead of `reduce`, which allocates each intermediate sum. */
function deviation(values: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  const mean = sum / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2
  return Math.sqrt(squares / values.length)
}
