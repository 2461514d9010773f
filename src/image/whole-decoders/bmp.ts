/**
 * Windows bitmaps: 1, 4, 8, 16, 24 and 32 bits per pixel, run-length encoding with 4 and 8 bits, bit fields; never
 * reads past the file's end.
 */
import { Undecodable, type WholeHeader } from './whole-picture.js'

const fileHeaderBytes = 14
const compressions = { none: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const

interface BmpHeader extends WholeHeader {
  bits: number
  compression: number
  /** Rows are stored from the top. */
  topDown: boolean
  /** Where the header ends and the palette, or the masks of a short header, begin. */
  paletteAt: number
  paletteEntryBytes: 3 | 4
  colours: number
  pixelsAt: number
  masks: readonly [red: number, green: number, blue: number, alpha: number]
}

/** @throws Undecodable, RangeError at the end of the file */
export function bmpHeader(file: Buffer): BmpHeader {
  const headerBytes = file.readUInt32LE(fileHeaderBytes)
  const isCore = headerBytes === 12
  if (!isCore && headerBytes < 40) throw new Undecodable(`Its header has ${headerBytes} bytes.`)
  const [width, signedHeight] = isCore
    ? [file.readUInt16LE(18), file.readUInt16LE(20)]
    : [file.readInt32LE(18), file.readInt32LE(22)]
  const bits = file.readUInt16LE(isCore ? 24 : 28)
  const compression = isCore ? compressions.none : file.readUInt32LE(30)
  const height = Math.abs(signedHeight)
  if (width <= 0 || height === 0) throw new Undecodable('It has no pixels.')
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Undecodable(`It has ${bits} bits a pixel.`)
  const masks = masksOf(file, headerBytes, bits, compression)
  const used = isCore ? 0 : file.readUInt32LE(46)
  const outsideMasks = headerBytes === 40 && compression === compressions.bitFields ? 12 : 0
  return {
    width,
    height,
    pixels: width * height,
    bits,
    compression,
    topDown: signedHeight < 0,
    paletteAt: fileHeaderBytes + headerBytes + outsideMasks,
    paletteEntryBytes: isCore ? 3 : 4,
    colours: bits > 8 ? 0 : used === 0 || used > 2 ** bits ? 2 ** bits : used,
    pixelsAt: file.readUInt32LE(10),
    masks,
  }
}

/** Bit masks of red, green, blue and alpha in a 16- or 32-bit pixel. */
function masksOf(file: Buffer, headerBytes: number, bits: number, compression: number): BmpHeader['masks'] {
  const { none, rle4, rle8, bitFields, alphaBitFields } = compressions
  if (compression === bitFields || compression === alphaBitFields) {
    const hasAlpha = compression === alphaBitFields || headerBytes >= 56
    return [54, 58, 62, 66].map((at, i) =>
      i < 3 || hasAlpha ? file.readUInt32LE(at) : 0,
    ) as unknown as BmpHeader['masks']
  }
  if (compression !== none && !(compression === rle8 && bits === 8) && !(compression === rle4 && bits === 4))
    throw new Undecodable(`Its compression ${compression} is not read here.`)
  // The highest byte of a plain 32-bit pixel is unused: many writers leave it 0.
  return bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0]
}

/** @param pixels RGBA output */
export async function decodeBmp(file: Buffer, _header: WholeHeader, pixels: Uint8Array): Promise<void> {
  const header = bmpHeader(file)
  const { compression } = header
  if (compression === compressions.rle4 || compression === compressions.rle8) readRuns(file, header, pixels)
  else if (header.bits <= 8) readIndexed(file, header, pixels)
  else if (isPlain(header)) readPlain(file, header, pixels)
  else readDirect(file, header, pixels)
}

/** RGBA of each colour; colours missing from the file are black. */
function paletteOf(file: Buffer, { paletteAt, paletteEntryBytes, colours }: BmpHeader): Uint8Array {
  const palette = new Uint8Array(256 * 4)
  for (let i = 0; i < 256; i++) {
    const at = paletteAt + i * paletteEntryBytes
    if (i < colours) palette.set([file.readUInt8(at + 2), file.readUInt8(at + 1), file.readUInt8(at)], i * 4)
    palette[i * 4 + 3] = 255
  }
  return palette
}

/** Start of a row, given in file order, in RGBA bytes. */
function rowAt({ width, height, topDown }: BmpHeader, row: number): number {
  return (topDown ? row : height - 1 - row) * width * 4
}

function rowBytes({ width, bits }: BmpHeader): number {
  return Math.floor((width * bits + 31) / 32) * 4
}

function readIndexed(file: Buffer, header: BmpHeader, pixels: Uint8Array): void {
  const { width, height, bits, pixelsAt } = header
  const palette = paletteOf(file, header)
  const [perByte, mask] = [8 / bits, 2 ** bits - 1]
  expectBytes(file, pixelsAt, rowBytes(header) * (height - 1) + Math.ceil(width / perByte))
  for (let row = 0; row < height; row++) {
    const from = pixelsAt + row * rowBytes(header)
    for (let x = 0, into = rowAt(header, row); x < width; x++, into += 4) {
      const byte = file[from + Math.floor(x / perByte)]!
      const index = (byte >> (8 - bits * ((x % perByte) + 1))) & mask
      pixels.set(palette.subarray(index * 4, index * 4 + 4), into)
    }
  }
}

function readDirect(file: Buffer, header: BmpHeader, pixels: Uint8Array): void {
  const { width, height, bits, pixelsAt } = header
  const bytes = bits / 8
  const channels = header.masks.map((mask) => channelOf(mask))
  expectBytes(file, pixelsAt, rowBytes(header) * (height - 1) + width * bytes)
  for (let row = 0; row < height; row++) {
    let from = pixelsAt + row * rowBytes(header)
    for (let x = 0, into = rowAt(header, row); x < width; x++, into += 4, from += bytes) {
      const value = file.readUIntLE(from, bytes)
      for (let channel = 0; channel < 4; channel++) pixels[into + channel] = channels[channel]!(value)
    }
  }
  if (isClear(pixels)) for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255
}

/** Whether nothing of it would be seen: many writers state a mask of alpha and leave alpha 0, as in a plain pixel. */
function isClear(pixels: Uint8Array): boolean {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 0) return false
  return true
}

/** Consecutive blue, green and red bytes, as in nearly every file. */
function isPlain({ bits, compression }: BmpHeader): boolean {
  return bits >= 24 && compression === compressions.none
}

function readPlain(file: Buffer, header: BmpHeader, pixels: Uint8Array): void {
  const { width, height, bits, pixelsAt } = header
  const bytes = bits / 8
  expectBytes(file, pixelsAt, rowBytes(header) * (height - 1) + width * bytes)
  for (let row = 0; row < height; row++) {
    let from = pixelsAt + row * rowBytes(header)
    for (let into = rowAt(header, row), end = into + width * 4; into < end; into += 4, from += bytes) {
      pixels[into] = file[from + 2]!
      pixels[into + 1] = file[from + 1]!
      pixels[into + 2] = file[from]!
      pixels[into + 3] = 255
    }
  }
}

/** @returns the sample under a mask, 0..255; 255 without a mask: a picture without alpha is opaque */
function channelOf(mask: number): (value: number) => number {
  if (mask === 0) return () => 255
  const shift = 31 - Math.clz32(mask & -mask)
  const max = mask / 2 ** shift
  return (value) => Math.round((((value & mask) >>> shift) / max) * 255)
}

/** Runs and escapes; skipped pixels have the first colour. */
function readRuns(file: Buffer, header: BmpHeader, pixels: Uint8Array): void {
  const { width, height, bits, pixelsAt } = header
  const palette = paletteOf(file, header)
  for (let into = 0; into < pixels.length; into += 4) pixels.set(palette.subarray(0, 4), into)
  let [x, row, at] = [0, 0, pixelsAt]
  const put = (index: number) => {
    if (x < width && row < height) pixels.set(palette.subarray(index * 4, index * 4 + 4), rowAt(header, row) + x * 4)
    x++
  }
  const indexOf = (byte: number, i: number) => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15)
  while (row < height) {
    const [count, value] = [file.readUInt8(at), file.readUInt8(at + 1)]
    at += 2
    if (count > 0) for (let i = 0; i < count; i++) put(indexOf(value, i))
    else if (value === 0) [x, row] = [0, row + 1]
    else if (value === 1) return
    else if (value === 2) {
      x += file.readUInt8(at)
      row += file.readUInt8(at + 1)
      at += 2
    } else {
      for (let i = 0; i < value; i++) put(indexOf(file.readUInt8(at + (bits === 8 ? i : i >> 1)), i))
      const stored = bits === 8 ? value : Math.ceil(value / 2)
      at += stored + (stored % 2)
    }
  }
}

function expectBytes(file: Buffer, at: number, bytes: number): void {
  if (at + bytes > file.length) throw new Undecodable('It ends before its picture does.')
}
