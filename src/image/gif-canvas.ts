/**
 * Looks at the first frame of a GIF before the decoder does. The part of the canvas that it does not cover is
 * transparent in every browser; the decoder makes it black unless some frame of the file has a transparent colour.
 */

/** Of a GIF and its logical screen (GIF89a, 17 and 18). */
const headerBytes = 13
const extension = 0x21
const imageDescriptor = 0x2c
const descriptorBytes = 10
/** One pixel in the transparent colour 0. It is never decoded, because only the first frame is. */
const transparentFrame = Buffer.from('21f90401000000002c0000000001000100000202440100', 'hex')

/** @returns the file, with another frame behind the first one if that does not cover the canvas */
export function gifWithClearCanvas(file: Buffer): Buffer {
  try {
    const at = firstFrame(file)
    if (at === undefined || coversCanvas(file, at)) return file
    const end = endOfBlocks(file, at + descriptorBytes + paletteBytes(file[at + 9]!) + 1) // after the size of its codes
    return Buffer.concat([file.subarray(0, end), transparentFrame, file.subarray(end)])
  } catch (error) {
    if (error instanceof RangeError) return file // it ends first, which the decoder reports
    throw error
  }
}

/** Where its descriptor is; undefined if anything but extensions precedes it. */
function firstFrame(file: Buffer): number | undefined {
  let at = headerBytes + paletteBytes(file.readUInt8(10))
  while (file.readUInt8(at) === extension) at = endOfBlocks(file, at + 2)
  return file[at] === imageDescriptor ? at : undefined
}

function coversCanvas(file: Buffer, at: number): boolean {
  const read = (field: number) => file.readUInt16LE(at + field)
  const [left, top, width, height] = [read(1), read(3), read(5), read(7)]
  return left === 0 && top === 0 && width >= file.readUInt16LE(6) && height >= file.readUInt16LE(8)
}

/** Of the palette that the flags of a screen or frame announce. */
function paletteBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

/** @param at where a sequence of blocks begins, each with its length before it; the last one is empty */
function endOfBlocks(file: Buffer, at: number): number {
  let next = at
  for (let bytes = file.readUInt8(next); bytes > 0; bytes = file.readUInt8(next)) next += bytes + 1
  return next + 1
}
