/** Detects margins of uniform brightness around a picture: added borders, letterbox bars, white paper. */
import type { Box, Plane } from './luminance.js'

/** Luma levels by which a line may deviate from its median: the effect of compression on a uniform border. */
const tolerance = 10
/** Share of a line that may deviate further, such as a smudge. */
const strayShare = 0.02
/**
 * Maximum share of the plane that a margin may take on one side: a picture that is empty beyond that is simply an empty
 * picture.
 */
const marginShareMax = 0.35

/** @returns the picture without its margins: at least 30 % of its width and height */
export function withoutMargins({ values, width, height }: Plane): Box {
  const row = (index: number) => ({ start: index * width, step: 1, length: width })
  const rowsMax = Math.floor(height * marginShareMax)
  const top = evenLines(values, rowsMax, row)
  const bottom = evenLines(values, rowsMax, (index) => row(height - 1 - index))
  const column = (index: number) => ({ start: top * width + index, step: width, length: height - top - bottom })
  const columnsMax = Math.floor(width * marginShareMax)
  const left = evenLines(values, columnsMax, column)
  const right = evenLines(values, columnsMax, (index) => column(width - 1 - index))
  return { left, top, width: width - left - right, height: height - top - bottom }
}

interface Line {
  start: number
  step: number
  length: number
}

/** How many lines from the first on have its brightness throughout. */
function evenLines(values: Uint8Array, most: number, line: (index: number) => Line): number {
  if (most === 0) return 0
  const level = median(values, line(0))
  let count = 0
  while (count < most && isEven(values, line(count), level)) count++
  return count
}

function isEven(values: Uint8Array, { start, step, length }: Line, level: number): boolean {
  const mayStray = length * strayShare
  let stray = 0
  for (let i = 0, at = start; i < length; i++, at += step) {
    if (Math.abs(values[at]! - level) > tolerance && ++stray > mayStray) return false
  }
  return true
}

function median(values: Uint8Array, { start, step, length }: Line): number {
  const line = new Uint8Array(length)
  for (let i = 0; i < length; i++) line[i] = values[start + i * step]!
  return line.sort()[length >> 1]!
}
