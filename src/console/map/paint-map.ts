/** Draws the map: points, thumbnails where there is room, and the lasso. */
import type { LayoutPoint } from './layout.js'
import { type Mark, shapes } from './map-marks.js'
import { type Frame, type Point, toPixels, type View } from './view.js'

export interface MapImage {
  points: readonly LayoutPoint[]
  markOf: (point: LayoutPoint) => Mark
  chosen: ReadonlySet<string>
  view: View
  frame: Frame
  lasso: readonly Point[]
  /** Undefined until loaded. */
  thumbnailOf: (id: string) => HTMLImageElement | undefined
  /** Of the style, by name. */
  colourOf: (name: string) => string
}

/** Maximum number of pictures shown as thumbnails. */
const thumbnailsMax = 220
const margin = 60

/** @returns the visible points shown as thumbnails */
export function paintMap(brush: CanvasRenderingContext2D, image: MapImage): LayoutPoint[] {
  const { points, view, frame } = image
  brush.clearRect(0, 0, frame.width, frame.height)
  const inSight = points.filter((point) => isInSight(toPixels(view, frame, point), frame))
  const asImages = inSight.length <= thumbnailsMax
  const side = thumbnailSide(view)
  const colours = remembered(image.colourOf)
  const radius = asImages ? 5 : 3
  const outlines = outlinesOf(radius)
  const paintPoint = (point: LayoutPoint) => {
    const { x, y } = toPixels(view, frame, point)
    const thumbnail = asImages ? image.thumbnailOf(point.id) : undefined
    const { colour, shape } = image.markOf(point)
    brush.fillStyle = colours(colour)
    if (thumbnail === undefined) return fillAt(brush, outlines[shape], x, y)
    const high = (side * thumbnail.naturalHeight) / thumbnail.naturalWidth
    brush.fillRect(x - side / 2 - 2, y - high / 2 - 2, side + 4, high + 4)
    brush.drawImage(thumbnail, x - side / 2, y - high / 2, side, high)
    // of its frame only the colour is seen
    if (shape !== 'disc') fillAt(brush, outlines[shape], x - side / 2, y - high / 2)
    if (image.chosen.has(point.id))
      border(brush, { x: x - side / 2 - 4, y: y - high / 2 - 4 }, side + 8, high + 8, colours('ink'))
  }
  const chosen = inSight.filter(({ id }) => image.chosen.has(id))
  for (const point of inSight) if (!image.chosen.has(point.id)) paintPoint(point)
  // the selected ones last, on top of the others; one line around all that touch
  for (const [name, reach] of [
    ['ink', radius + 4],
    ['surface', radius + 2],
  ] as const) {
    brush.fillStyle = colours(name)
    const disc = outlineOf('disc', reach)
    for (const point of chosen) {
      const { x, y } = toPixels(view, frame, point)
      fillAt(brush, disc, x, y)
    }
  }
  chosen.forEach(paintPoint)
  paintLasso(brush, image)
  return asImages ? inSight : []
}

function thumbnailSide({ scale }: View): number {
  return Math.min(72, Math.max(20, scale / 14))
}

/** How far from its middle a point can be hit, in pixels. */
export function pointReach(view: View): number {
  return thumbnailSide(view) / 2 + 4
}

function isInSight({ x, y }: Point, { width, height }: Frame): boolean {
  return x > -margin && y > -margin && x < width + margin && y < height + margin
}

function outlinesOf(radius: number): Record<Mark['shape'], Path2D> {
  const names = Object.keys(shapes) as Mark['shape'][]
  return Object.fromEntries(names.map((shape) => [shape, outlineOf(shape, radius)])) as Record<Mark['shape'], Path2D>
}

function outlineOf(shape: Mark['shape'], radius: number): Path2D {
  const path = new Path2D()
  path.addPath(new Path2D(shapes[shape]), new DOMMatrix().scale(radius))
  return path
}

function fillAt(brush: CanvasRenderingContext2D, path: Path2D, x: number, y: number): void {
  brush.translate(x, y)
  brush.fill(path)
  brush.translate(-x, -y)
}

/** Looked up once, not for each of thousands of points. */
function remembered(look: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    const value = known.get(name) ?? look(name)
    known.set(name, value)
    return value
  }
}

function border(brush: CanvasRenderingContext2D, { x, y }: Point, width: number, height: number, colour: string): void {
  brush.strokeStyle = colour
  brush.lineWidth = 3
  brush.strokeRect(x, y, width, height)
}

function paintLasso(brush: CanvasRenderingContext2D, { lasso, view, frame, colourOf }: MapImage): void {
  if (lasso.length < 2) return
  brush.strokeStyle = colourOf('ink')
  brush.lineWidth = 1.5
  brush.setLineDash([6, 4])
  brush.beginPath()
  for (const place of lasso) {
    const { x, y } = toPixels(view, frame, place)
    brush.lineTo(x, y)
  }
  brush.closePath()
  brush.stroke()
  brush.setLineDash([])
}
