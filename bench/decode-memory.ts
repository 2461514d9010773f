/**
 * How much memory does a decode take, and is the prediction an upper bound? Runs each picture in a process of its own
 * and compares VmHWM with what `image/decode-memory.ts` predicts from the header. `SIDE` sets the side of the square
 * pictures, 5,000 by default.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { decodePeak } from '../test/support/decode-peak.js'
import { table } from './report.js'

const side = Number(process.env.SIDE ?? 5_000)
const of = (width = side, height = side, channels: 3 | 4 = 3): Sharp =>
  sharp({
    create: { width, height, channels, background: { r: 90, g: 120, b: 30, alpha: 0.5 } },
    limitInputPixels: false,
  })
const flat = [side * 10, side / 10] as const
const full = { chromaSubsampling: '4:4:4' }

const images: Record<string, () => Sharp> = {
  JPEG: () => of().jpeg(),
  'JPEG, flat': () => of(...flat).jpeg(),
  'JPEG, progressive, 4:2:0': () => of().jpeg({ progressive: true }),
  'JPEG, progressive, 4:4:4': () => of().jpeg({ progressive: true, ...full }),
  'JPEG, progressive, CMYK': () =>
    of()
      .toColourspace('cmyk')
      .jpeg({ progressive: true, ...full }),
  PNG: () => of().png({ compressionLevel: 1 }),
  'PNG, flat': () => of(...flat).png({ compressionLevel: 1 }),
  'PNG, 16 bits, alpha': () => of(side, side, 4).toColourspace('rgb16').png({ compressionLevel: 1 }),
  'PNG, interlaced': () => of().png({ progressive: true, compressionLevel: 1 }),
  'PNG, 16 bits, alpha, interlaced': () =>
    of(side, side, 4).toColourspace('rgb16').png({ progressive: true, compressionLevel: 1 }),
  WebP: () => of().webp({ effort: 0 }),
  'WebP, alpha': () => of(side, side, 4).webp({ effort: 0 }),
  GIF: () => of().gif({ effort: 1 }),
  'AVIF, 8 bits': () => of().avif({ effort: 0 }),
  'AVIF, 12 bits': () => of().avif({ effort: 0, bitdepth: 12 }),
}

const folder = await mkdtemp(join(tmpdir(), 'alike-bench-'))
const rows: string[][] = []
for (const [name, make] of Object.entries(images)) {
  const file = join(folder, 'picture')
  await writeFile(file, await make().toBuffer())
  const { expectedBytes, peakBytes, ms, error } = await decodePeak(file)
  if (error !== undefined) throw new Error(`${name}: ${error}`)
  const mebibytes = (bytes: number) => String(Math.round(bytes / 2 ** 20))
  rows.push([name, mebibytes(peakBytes), mebibytes(expectedBytes), (peakBytes / side ** 2).toFixed(1), String(ms)])
}
await rm(folder, { recursive: true, force: true })
console.log(
  table(
    [`${side ** 2 / 1e6} megapixels`, 'measured, MiB', 'predicted from the header, MiB', 'bytes per pixel', 'ms'],
    rows,
  ),
)
