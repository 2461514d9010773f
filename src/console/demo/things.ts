/** The subjects of the demo pictures, drawn around the centre of a square of side 2. */
import type { Random } from './random.js'

export type Brush = OffscreenCanvasRenderingContext2D
type Draw = (brush: Brush, colours: [string, string, string], random: Random) => void

export const things: Record<string, Draw> = {
  boat: (brush, [hull, sail, mast]) => {
    polygon(brush, sail, [-0.05, -0.9, 0.7, 0.25, -0.05, 0.25])
    polygon(brush, mast, [-0.15, -0.6, -0.15, 0.25, -0.6, 0.25])
    polygon(brush, hull, [-0.85, 0.35, 0.85, 0.35, 0.5, 0.8, -0.5, 0.8])
  },
  fish: (brush, [body, fin, eye], random) => {
    ellipse(brush, body, -0.1, 0, 0.65, 0.36)
    polygon(brush, fin, [0.45, 0, 0.95, -0.4, 0.95, 0.4])
    for (let stripe = 0; stripe < 3; stripe++)
      ellipse(brush, fin, -0.25 + stripe * 0.22, 0, 0.04, random.between(0.18, 0.3))
    ellipse(brush, eye, -0.5, -0.08, 0.07, 0.07)
  },
  flower: (brush, [petal, heart, stem], random) => {
    const petals = Math.floor(random.between(5, 9))
    polygon(brush, stem, [-0.04, 0, 0.04, 0, 0.04, 1, -0.04, 1])
    for (let one = 0; one < petals; one++) {
      const turn = (one / petals) * 2 * Math.PI
      ellipse(brush, petal, 0.42 * Math.cos(turn), -0.25 + 0.42 * Math.sin(turn), 0.28, 0.17, turn)
    }
    ellipse(brush, heart, 0, -0.25, 0.22, 0.22)
  },
  house: (brush, [wall, roof, door]) => {
    polygon(brush, wall, [-0.7, -0.1, 0.7, -0.1, 0.7, 0.85, -0.7, 0.85])
    polygon(brush, roof, [-0.9, -0.1, 0, -0.85, 0.9, -0.1])
    polygon(brush, door, [-0.15, 0.3, 0.2, 0.3, 0.2, 0.85, -0.15, 0.85])
    polygon(brush, door, [0.35, 0.1, 0.6, 0.1, 0.6, 0.35, 0.35, 0.35])
  },
  kite: (brush, [upper, lower, tail]) => {
    polygon(brush, upper, [0, -0.95, 0.55, -0.3, -0.55, -0.3])
    polygon(brush, lower, [-0.55, -0.3, 0.55, -0.3, 0, 0.55])
    for (let knot = 0; knot < 4; knot++)
      ellipse(brush, tail, 0.12 * Math.sin(knot * 2), 0.62 + knot * 0.11, 0.09, 0.045, knot)
  },
  snowman: (brush, [scarf, hat, nose]) => {
    ellipse(brush, '#fbfdff', 0, 0.5, 0.48, 0.45)
    ellipse(brush, '#f1f6fa', 0, -0.15, 0.33, 0.31)
    ellipse(brush, '#fbfdff', 0, -0.58, 0.22, 0.22)
    polygon(brush, hat, [-0.3, -0.76, 0.3, -0.76, 0.17, -0.8, 0.17, -1, -0.17, -1, -0.17, -0.8])
    polygon(brush, scarf, [-0.24, -0.42, 0.24, -0.42, 0.2, -0.3, -0.2, -0.3])
    polygon(brush, nose, [0, -0.6, 0.22, -0.54, 0, -0.52])
  },
  tree: (brush, [leaves, trunk, fruit], random) => {
    polygon(brush, trunk, [-0.1, 0.1, 0.1, 0.1, 0.14, 0.95, -0.14, 0.95])
    for (const [x, y] of [
      [0, -0.5],
      [-0.4, -0.15],
      [0.4, -0.15],
    ] as const)
      ellipse(brush, leaves, x, y, 0.44, 0.42)
    for (let one = 0; one < 5; one++)
      ellipse(brush, fruit, random.between(-0.6, 0.6), random.between(-0.7, 0.1), 0.06, 0.06)
  },
  truck: (brush, [cargo, cab, wheel]) => {
    polygon(brush, cargo, [-0.9, -0.45, 0.3, -0.45, 0.3, 0.4, -0.9, 0.4])
    polygon(brush, cab, [0.35, -0.15, 0.7, -0.15, 0.92, 0.12, 0.92, 0.4, 0.35, 0.4])
    for (const x of [-0.55, 0.6]) ellipse(brush, wheel, x, 0.45, 0.19, 0.19)
  },
}

function polygon(brush: Brush, colour: string, points: readonly number[]): void {
  brush.beginPath()
  for (let place = 0; place < points.length; place += 2) brush.lineTo(points[place]!, points[place + 1]!)
  brush.closePath()
  brush.fillStyle = colour
  brush.fill()
}

function ellipse(brush: Brush, colour: string, x: number, y: number, long: number, short: number, turn = 0): void {
  brush.beginPath()
  brush.ellipse(x, y, long, short, turn, 0, 2 * Math.PI)
  brush.fillStyle = colour
  brush.fill()
}
