/**
 * The golden pictures: four small drawings that together exercise the decode path: shrinking and enlarging, both kinds
 * of crop, grey, alpha, and fine detail that a wrong filter would alias.
 */
import { seededRandom } from '../../eval/random.js'
import { encodePng, type Raster } from './png.js'

export interface Drawing {
  file: string
  png: Buffer
}

/** Channel values 0..255 at a point; both coordinates in 0..1. */
type Paint = (x: number, y: number, grain: () => number) => readonly number[]

/** The pixels are always the same; the bytes are the same for the same version of zlib. */
export function drawGolden(): Drawing[] {
  return [
    { file: 'landscape.png', png: draw(320, 220, 3, landscape) },
    { file: 'rings.png', png: draw(200, 200, 1, rings) },
    { file: 'figure.png', png: draw(140, 240, 4, figure) },
    { file: 'tiles.png', png: draw(48, 36, 3, tiles) },
  ]
}

function draw(width: number, height: number, channels: Raster['channels'], paint: Paint): Buffer {
  const random = seededRandom(width)
  const grain = () => (random() - 0.5) * 24
  const pixels = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const values = paint(x / width, y / height, grain)
      values.forEach(
        (value, channel) =>
          (pixels[(y * width + x) * channels + channel] = Math.min(255, Math.max(0, Math.round(value)))),
      )
    }
  }
  return encodePng({ width, height, channels, pixels })
}

/** Sky, sun, hills. */
const landscape: Paint = (x, y, grain) => {
  if (Math.hypot((x - 0.7) * 1.45, y - 0.3) < 0.13) return [250, 225 + grain() / 4, 120]
  const hill = 0.62 + 0.1 * Math.sin(x * 9) + 0.04 * Math.sin(x * 31)
  return y < hill
    ? [90 + 120 * y, 140 + 80 * y, 220 - 30 * y + grain() / 4]
    : [60 + grain(), 120 - 60 * (y - hill) + grain(), 50 + grain()]
}

/** Grey rings that get finer outwards. */
const rings: Paint = (x, y) => [128 + 120 * Math.cos(160 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))]

/** A standing figure on a transparent background, with half-transparent edges. */
const figure: Paint = (x, y, grain) => {
  const head = 0.13 - Math.hypot(x - 0.5, (y - 0.16) * 1.7)
  const body = Math.min(0.2 - Math.abs(x - 0.5), 0.28 - Math.abs(y - 0.55))
  const legs = Math.min(0.06 - Math.abs(Math.abs(x - 0.5) - 0.11), 0.14 - Math.abs(y - 0.86))
  const alpha = 255 * Math.min(1, Math.max(0, 0.5 + 25 * Math.max(head, body, legs)))
  const colour = head > body ? [225, 180, 150] : legs > body ? [40, 50, 90] : [190, 40 + grain(), 60]
  return [...colour, alpha]
}

/** Coloured squares, for enlarging. */
const tiles: Paint = (x, y, grain) => {
  const tile = Math.floor(x * 6) * 5 + Math.floor(y * 5) * 3
  return [60 + ((tile * 67) % 190), 40 + ((tile * 101) % 200), 30 + ((tile * 151) % 210) + grain() / 2]
}
