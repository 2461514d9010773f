/** Pictures with as much detail as a photograph: a sky, a ground, and objects of many sizes in front. */
import sharp from 'sharp'
import { seededRandom } from '../../src/eval/random.js'

type Colour = [number, number, number]

interface Thing {
  x: number
  y: number
  /** Half axes, pixels. */
  long: number
  short: number
  /** Radians. */
  turn: number
  round: boolean
  colour: Colour
  opacity: number
}

const things = 18

/** The same seed gives the same bytes: a JPEG of 320 × 240 pixels, or upright. */
export function drawScene(seed: number): Promise<Buffer> {
  const random = seededRandom(seed * 104_729 + 7)
  const between = (low: number, high: number) => low + (high - low) * random()
  const colour = (): Colour => [between(10, 245), between(10, 245), between(10, 245)]
  const [width, height] = random() < 0.7 ? [320, 240] : [240, 320]
  const [zenith, low, ground] = [colour(), colour(), colour()]
  const horizon = between(0.3, 0.8) * height

  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const colourOfRow = y > horizon ? ground : zenith.map((value, i) => value + ((low[i]! - value) * y) / horizon)
    for (let x = 0; x < width; x++)
      pixels.set(
        colourOfRow.map((value) => value + between(-4, 4)),
        (y * width + x) * 3,
      )
  }
  for (let i = 0; i < things; i++) {
    const long = between(8, 110)
    const thing = {
      x: between(0, width),
      y: between(0, height),
      long,
      short: long * between(0.3, 1),
      turn: between(0, Math.PI),
      round: random() < 0.5,
      colour: colour(),
      opacity: between(0.6, 1),
    }
    paint(pixels, width, height, thing)
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}

function paint(
  pixels: Uint8Array,
  width: number,
  height: number,
  { x, y, long, short, turn, round, colour, opacity }: Thing,
): void {
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)]
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const along = ((column - x) * cosine + (row - y) * sine) / long
      const across = ((row - y) * cosine - (column - x) * sine) / short
      if (round ? along * along + across * across > 1 : Math.max(Math.abs(along), Math.abs(across)) > 1) continue
      const at = (row * width + column) * 3
      for (let channel = 0; channel < 3; channel++)
        pixels[at + channel] = pixels[at + channel]! * (1 - opacity) + colour[channel]! * opacity
    }
  }
}
