/**
 * Files of a few kilobytes that take a lot of memory to decode. Those that cannot be generated here are in `hostile/`.
 */
import { readFile } from 'node:fs/promises'
import sharp from 'sharp'

/** name → file. The AVIF files have 10,000 × 10,000 pixels; `side` applies to the others. */
export async function hostileImages(side: number): Promise<Map<string, Buffer>> {
  const fixture = (name: string) => readFile(new URL(`../../../test/support/hostile/${name}.avif`, import.meta.url))
  const plain = () => sharp({ create: { width: side, height: side, channels: 3, background: '#305070' } })
  return new Map([
    ['avif', await fixture('eight-bits')],
    ['avif of 12 bits', await fixture('twelve-bits')],
    ['avif of 64 pixels with an alpha plane of 5,000', await fixture('large-alpha')],
    ['avif of 64 pixels with a grid of 5,000', await fixture('large-grid')],
    ['webp', webpOf(side, side)],
    ['progressive jpeg', await plain().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()],
    ['gif', await plain().gif({ effort: 1 }).toBuffer()],
    ['interlaced png', await plain().toColourspace('rgb16').png({ progressive: true }).toBuffer()],
  ])
}

/** A single colour, lossless: 38 bytes whatever its size, up to 16,384 per side. */
export function webpOf(width: number, height: number): Buffer {
  const file = Buffer.from('UklGRh4AAABXRUJQVlA4TBEAAAAvAAAABwdQvGrVo/+BiOh/AAA=', 'base64')
  file.writeUInt32LE(((width - 1) | ((height - 1) << 14)) >>> 0, 21)
  return file
}
