/** Labelled pictures drawn by tests: simple shapes with varying position, size, colour and noise. */
import sharp from 'sharp'
import { seededRandom } from '../../src/eval/random.js'

export const drawnLabels = ['circle', 'square', 'stripes', 'cross'] as const
export type DrawnLabel = (typeof drawnLabels)[number]

/** Mean colours; pictures deviate from them, so that colour alone does not distinguish the labels. */
const colours: Record<DrawnLabel, [number, number, number]> = {
  circle: [200, 70, 60],
  square: [60, 170, 80],
  stripes: [70, 90, 200],
  cross: [210, 190, 60],
}

/** dx, dy: offset from the shape's centre in units of its radius. */
const covers: Record<DrawnLabel, (dx: number, dy: number) => boolean> = {
  circle: (dx, dy) => dx * dx + dy * dy < 1,
  square: (dx, dy) => Math.max(Math.abs(dx), Math.abs(dy)) < 0.9,
  stripes: (_, dy) => Math.abs(dy) < 1.2 && Math.floor((dy + 9) * 3) % 2 === 0,
  cross: (dx, dy) => Math.min(Math.abs(dx), Math.abs(dy)) < 0.3 && Math.max(Math.abs(dx), Math.abs(dy)) < 1,
}

export interface DrawOptions {
  width?: number
  height?: number
  format?: 'jpeg' | 'png' | 'webp'
}

const drawn = new Map<string, Promise<Buffer>>()

/** The same label and seed give the same bytes, in a buffer of its own. Default: a JPEG of 96×72 pixels. */
export async function drawImage(label: DrawnLabel, seed: number, options: DrawOptions = {}): Promise<Buffer> {
  const key = JSON.stringify([label, seed, options])
  const image = drawn.get(key) ?? draw(label, seed, options)
  drawn.set(key, image)
  return Buffer.from(new Uint8Array(await image).buffer)
}

function draw(label: DrawnLabel, seed: number, options: DrawOptions): Promise<Buffer> {
  const { width = 96, height = 72, format = 'jpeg' } = options
  const random = seededRandom(seed * 7919 + drawnLabels.indexOf(label))
  const spread = (amount: number) => (random() - 0.5) * 2 * amount
  const colour = colours[label].map((mean) => mean + spread(20))
  const background = [128, 128, 128].map((mean) => mean + spread(40))
  const radius = Math.min(width, height) * (0.3 + spread(0.08))
  const [centreX, centreY] = [width / 2 + spread(width / 8), height / 2 + spread(height / 8)]

  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = covers[label]((x - centreX) / radius, (y - centreY) / radius)
      for (let channel = 0; channel < 3; channel++) {
        const value = (inside ? colour : background)[channel]! + spread(12)
        pixels[(y * width + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round(value)))
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    [format]()
    .toBuffer()
}
