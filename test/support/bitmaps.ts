/** Builds Windows bitmaps for tests. */

export interface BitmapOptions {
  width: number
  height: number
  bits: 4 | 8 | 16 | 24 | 32
  topDown?: boolean
}

const headerBytes = 54
const maskBytes = 12

/** @param rgb [height, width, 3]; at most 16 colours for a palette */
export function bmpOf(rgb: Uint8Array, options: BitmapOptions): Buffer {
  const { width, height, bits, topDown = false } = options
  const palette = bits <= 8 ? coloursOf(rgb) : []
  const rows = Array.from({ length: height }, (_, y) => {
    const row = Buffer.alloc(Math.ceil((width * bits) / 32) * 4)
    for (let x = 0; x < width; x++)
      writePixel(row, x, rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3), bits, palette)
    return row
  })
  return assembled(options, palette, Buffer.concat(topDown ? rows : rows.reverse()), bits === 16 ? 3 : 0)
}

/** 32 bits in bit fields, with a mask of alpha (the fifth version of the header). */
export function alphaBmp(rgb: Uint8Array, options: BitmapOptions & { bits: 32; alpha: number }): Buffer {
  const plain = bmpOf(rgb, options)
  const [header, pixels] = [Buffer.alloc(14 + 124), Buffer.from(plain.subarray(headerBytes))]
  plain.copy(header, 0, 0, headerBytes)
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = options.alpha
  header.writeUInt32LE(header.length + pixels.length, 2)
  header.writeUInt32LE(header.length, 10)
  header.writeUInt32LE(124, 14)
  header.writeUInt32LE(3, 30)
  for (const [i, mask] of [0xff0000, 0xff00, 0xff, 0xff000000].entries())
    header.writeUInt32LE(mask, headerBytes + i * 4)
  return Buffer.concat([header, pixels])
}

/** Run-length encoded, with absolute pixels where the colour changes at the end of a row. */
export function runLengthBmp(rgb: Uint8Array, options: BitmapOptions & { bits: 4 | 8 }): Buffer {
  const { width, height, bits } = options
  const palette = coloursOf(rgb)
  const bytes: number[] = []
  for (let y = height - 1; y >= 0; y--) {
    const row = Array.from({ length: width }, (_, x) =>
      indexOf(palette, rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)),
    )
    const packed = (index: number) => (bits === 8 ? index : index * 16 + index)
    for (let x = 0; x < width - 4; ) {
      let count = 1
      while (x + count < width - 4 && row[x + count] === row[x]) count++
      bytes.push(count, packed(row[x]!))
      x += count
    }
    const last = row.slice(-4)
    bytes.push(0, 4, ...(bits === 8 ? last : [last[0]! * 16 + last[1]!, last[2]! * 16 + last[3]!]), 0, 0)
  }
  bytes.push(0, 1)
  return assembled(options, palette, Buffer.from(bytes), bits === 8 ? 1 : 2)
}

function writePixel(
  row: Buffer,
  x: number,
  [red = 0, green = 0, blue = 0]: Uint8Array,
  bits: number,
  palette: number[],
): void {
  const index = bits <= 8 ? indexOf(palette, Uint8Array.of(red, green, blue)) : 0
  if (bits === 8) row[x] = index
  else if (bits === 4) row[x >> 1]! |= x % 2 === 0 ? index << 4 : index
  else if (bits === 16) row.writeUInt16LE(((red >> 3) << 11) | ((green >> 2) << 5) | (blue >> 3), x * 2)
  else row.set([blue, green, red], (x * bits) / 8)
}

function coloursOf(rgb: Uint8Array): number[] {
  const found = new Set<number>()
  for (let i = 0; i < rgb.length; i += 3) found.add((rgb[i]! << 16) | (rgb[i + 1]! << 8) | rgb[i + 2]!)
  return [...found]
}

function indexOf(palette: readonly number[], [red = 0, green = 0, blue = 0]: Uint8Array): number {
  return palette.indexOf((red << 16) | (green << 8) | blue)
}

function assembled(
  { width, height, bits, topDown = false }: BitmapOptions,
  palette: readonly number[],
  pixels: Buffer,
  compression: number,
): Buffer {
  const colours = Buffer.alloc(palette.length * 4)
  for (const [i, colour] of palette.entries()) colours.writeUInt32LE(colour, i * 4)
  const masks = Buffer.alloc(compression === 3 ? maskBytes : 0)
  if (compression === 3) for (const [i, mask] of [0xf800, 0x07e0, 0x001f].entries()) masks.writeUInt32LE(mask, i * 4)
  const header = Buffer.alloc(headerBytes)
  header.write('BM', 'latin1')
  header.writeUInt32LE(headerBytes + masks.length + colours.length + pixels.length, 2)
  header.writeUInt32LE(headerBytes + masks.length + colours.length, 10)
  header.writeUInt32LE(40, 14)
  header.writeInt32LE(width, 18)
  header.writeInt32LE(topDown ? -height : height, 22)
  header.writeUInt16LE(1, 26)
  header.writeUInt16LE(bits, 28)
  header.writeUInt32LE(compression, 30)
  header.writeUInt32LE(palette.length, 46)
  return Buffer.concat([header, masks, colours, pixels])
}
