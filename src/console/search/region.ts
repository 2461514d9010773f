/** Regions of a picture, in fractions of its sides. Pure. */
import type { Region } from './search-query.js'

export interface Point {
  x: number
  y: number
}

/** A smaller box counts as an accidental click. */
const leastSide = 0.03
const step = 0.05

/** The box between two corners, clipped to the picture; undefined if it is too small to be intended. */
export function boxBetween(a: Point, b: Point): Region | undefined {
  const [left, right] = [clamped(Math.min(a.x, b.x)), clamped(Math.max(a.x, b.x))]
  const [top, bottom] = [clamped(Math.min(a.y, b.y)), clamped(Math.max(a.y, b.y))]
  const [width, height] = [right - left, bottom - top]
  return width < leastSide || height < leastSide ? undefined : { x: left, y: top, width, height }
}

/** One step by an arrow key, starting from the centre of the picture; undefined for other keys. */
export function moved(region: Region | undefined, key: string, sizing: boolean): Region | undefined {
  const [dx, dy] = arrows[key] ?? [0, 0]
  if (dx === 0 && dy === 0) return undefined
  const { x, y, width, height } = region ?? { x: 0.25, y: 0.25, width: 0.5, height: 0.5 }
  if (sizing)
    return {
      x,
      y,
      width: Math.min(1 - x, Math.max(leastSide, width + dx * step)),
      height: Math.min(1 - y, Math.max(leastSide, height + dy * step)),
    }
  return {
    x: Math.min(1 - width, Math.max(0, x + dx * step)),
    y: Math.min(1 - height, Math.max(0, y + dy * step)),
    width,
    height,
  }
}

const arrows: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function clamped(value: number): number {
  return Math.min(1, Math.max(0, value))
}
