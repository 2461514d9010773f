/** Brightness without colour, on which copies are compared. */
import { nativePixels } from '../pixels/native-pixels.js'

export interface Plane {
  /** [height, width], 0..255. */
  values: Uint8Array
  width: number
  height: number
}

/** Part of a plane, in cells. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** Minimum shorter side for which averaging 2 × 2 pixels suffices. */
const halvedFrom = 128

/** @param rgb [height, width, 3], 0..255 @returns ITU-R BT.601 luma, at half size if the picture is large enough */
export function luminanceOf(rgb: Uint8Array, width: number, height: number): Plane {
  return Math.min(width, height) >= halvedFrom ? halved(rgb, width, height) : whole(rgb, width, height)
}

// The weights in units of 1/256.
const [red, green, blue] = [77, 150, 29] as const

function whole(rgb: Uint8Array, width: number, height: number): Plane {
  const values = new Uint8Array(width * height)
  for (let to = 0, at = 0; to < values.length; to++, at += 3)
    values[to] = (red * rgb[at]! + green * rgb[at + 1]! + blue * rgb[at + 2]!) >> 8
  return { values, width, height }
}

/** Drops the last row and column if their number is odd. */
function halved(rgb: Uint8Array, width: number, height: number): Plane {
  const [columns, rows] = [width >> 1, height >> 1]
  const values = new Uint8Array(columns * rows)
  nativePixels.halvedLuma(rgb, width * 3, Int32Array.of(red, green, blue), values)
  return { values, width: columns, height: rows }
}

/** The box as size × size means; partially covered cells count proportionally. */
export function averaged({ values, width }: Plane, box: Box, size: number): Float64Array {
  const narrow = new Float64Array(size * box.height)
  for (let row = 0; row < box.height; row++)
    means(values, (box.top + row) * width + box.left, box.width, narrow, row, box.height, size)
  const grid = new Float64Array(size * size)
  for (let column = 0; column < size; column++) means(narrow, column * box.height, box.height, grid, column, size, size)
  return grid
}

/** Means of `count` equal parts of a line, each the difference of two running sums. */
function means(
  from: Uint8Array | Float64Array,
  start: number,
  length: number,
  to: Float64Array,
  at: number,
  stride: number,
  count: number,
): void {
  const part = length / count
  let sum = 0
  let before = 0
  let cell = 0
  for (let i = 1; i <= count; i++) {
    const end = part * i
    const wholeCells = Math.min(Math.floor(end), length - 1)
    while (cell < wholeCells) sum += from[start + cell++]!
    const upTo = sum + (end - cell) * from[start + cell]!
    to[at + stride * (i - 1)] = (upTo - before) / part
    before = upTo
  }
}
