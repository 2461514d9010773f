/** The visible part of the map: converts between map coordinates, −1 to 1, and pixels. Pure. */

export interface Point {
  x: number
  y: number
}

export interface View {
  /** Map coordinates of the frame's centre. */
  middle: Point
  /** Pixels per unit of the map. */
  scale: number
}

export interface Frame {
  width: number
  height: number
}

const scaleMax = 40_000
const margin = 0.92

/** Shows the whole map. */
export function wholeMap({ width, height }: Frame): View {
  return { middle: { x: 0, y: 0 }, scale: (Math.min(width, height) / 2) * margin }
}

export function toPixels({ middle, scale }: View, { width, height }: Frame, { x, y }: Point): Point {
  return { x: width / 2 + (x - middle.x) * scale, y: height / 2 + (y - middle.y) * scale }
}

export function toMap({ middle, scale }: View, { width, height }: Frame, { x, y }: Point): Point {
  return { x: middle.x + (x - width / 2) / scale, y: middle.y + (y - height / 2) / scale }
}

/** Zooms while keeping the position under `pixel` in place. */
export function zoomed(view: View, frame: Frame, pixel: Point, factor: number): View {
  const least = wholeMap(frame).scale * 0.5
  const scale = Math.min(scaleMax, Math.max(least, view.scale * factor))
  const before = toMap(view, frame, pixel)
  const after = toMap({ ...view, scale }, frame, pixel)
  return { middle: { x: view.middle.x + before.x - after.x, y: view.middle.y + before.y - after.y }, scale }
}

export function panned({ middle, scale }: View, pixels: Point): View {
  return { middle: { x: middle.x - pixels.x / scale, y: middle.y - pixels.y / scale }, scale }
}

/** Moved and zoomed by two fingers: what was under their middle stays under it. */
export function pinched(
  view: View,
  frame: Frame,
  before: readonly [Point, Point],
  after: readonly [Point, Point],
): View {
  const [from, to] = [middleOf(before), middleOf(after)]
  const moved = panned(view, { x: to.x - from.x, y: to.y - from.y })
  const apart = distanceOf(before)
  return apart === 0 ? moved : zoomed(moved, frame, to, distanceOf(after) / apart)
}

function middleOf([a, b]: readonly [Point, Point]): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
}

function distanceOf([a, b]: readonly [Point, Point]): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}

/** The point nearest to a pixel, if any is within `reach` pixels of it. */
export function pointAt<One extends Point>(
  points: readonly One[],
  view: View,
  frame: Frame,
  pixel: Point,
  reach: number,
): One | undefined {
  let [nearest, least]: [One | undefined, number] = [undefined, reach]
  for (const point of points) {
    const away = distanceOf([toPixels(view, frame, point), pixel])
    if (away <= least) [nearest, least] = [point, away]
  }
  return nearest
}

/** Whether a point lies inside a closed line: counts how often a ray from it crosses the line. */
export function isInside({ x, y }: Point, line: readonly Point[]): boolean {
  let inside = false
  line.forEach((a, place) => {
    const b = line[(place + 1) % line.length]!
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside
  })
  return inside
}
