/**
 * How much memory a decode takes at its peak, told from the header. Measured in processes of their own
 * (`bench/decode-memory.ts`; the table is in docs/load-and-safety.md) with sharp 0.35.5, libvips 8.18.7; rounded up. A
 * picture is read in one of two ways:
 *
 * - line by line (JPEG, PNG without interlace): some hundred lines are in memory, whatever its height;
 * - as a whole (everything else): all pixels, and what the decoder holds beside them, are in memory.
 *
 * Turning a picture upright needs all of its pixels once more.
 */
import type { ImageFormat } from './formats.js'

export interface DecodeFacts {
  format: ImageFormat
  /** As stored, pixels. */
  width: number
  height: number
  /** Pixels of all planes that have a size of their own (`avif-sizes.ts`), else width × height. */
  pixels: number
  channels: number
  /** Samples of a pixel in a JPEG: 1.5 where colours have half the width and height. */
  samples: number
  /** 1 or 2. */
  bytesPerChannel: number
  /** Interlaced, or in several scans: cannot be read line by line. */
  progressive: boolean
  /** Has to be turned or mirrored. */
  turned: boolean
}

export interface DecodeTarget {
  /** How many times smaller the shorter side becomes; under 1 when it becomes larger. */
  shrink: number
  /** The JPEG decoder may leave out what is not needed: not with a region. */
  shrinkOnLoad: boolean
}

/** Bytes of a pixel in decoders that hold the whole picture, the pixels they give included. */
const wholeBytesPerPixel = {
  gif: () => 4.6,
  webp: ({ channels }: DecodeFacts) => (channels === 4 ? 9.5 : 8.6),
  avif: ({ bytesPerChannel }: DecodeFacts) => (bytesPerChannel === 2 ? 26.5 : 20),
  // coefficients of 16 bits of every sample
  jpeg: ({ samples, progressive }: DecodeFacts) => (progressive ? 2 * samples + 0.6 : 0),
  png: ({ channels, bytesPerChannel, progressive }: DecodeFacts) =>
    progressive ? channels * bytesPerChannel + 0.3 : 0,
  // one strip may hold all of it
  tiff: ({ channels, bytesPerChannel }: DecodeFacts) => channels * bytesPerChannel + 0.5,
  // its file once more, and the pixels behind the header of a TIFF
  bmp: () => 6,
  heic: () => 13,
  jxl: () => 38,
} as const satisfies Record<ImageFormat, (facts: DecodeFacts) => number>

/** The thread of a decoder that is not sharp's, with its code. */
const threadBytes = 48 * 2 ** 20
const inThread: readonly ImageFormat[] = ['bmp', 'heic', 'jxl']

/** What the memory of WebAssembly may grow to for such a picture: more than what its header says needs. */
export function wholeDecoderBytes({ format, pixels }: DecodeFacts): number {
  return 64 * 2 ** 20 + pixels * (format === 'jxl' ? 40 : 14)
}

/** Lines that lie between decoder and resizing: at most so many, and of a flat picture some for each of its own. */
const linesMax = 1_700
const linesOfFlat = { atLeast: 128, forEach: 6 }
const fixedBytes = 2 * 2 ** 20

/** @returns bytes at the peak of one output */
export function decodeMemoryBytes(facts: DecodeFacts, target: DecodeTarget): number {
  const { format, channels, bytesPerChannel, turned } = facts
  const onLoad = format === 'jpeg' && target.shrinkOnLoad ? jpegShrink(target.shrink) : 1
  const [width, height] = [Math.ceil(facts.width / onLoad), Math.ceil(facts.height / onLoad)]
  const pixelBytes = channels * bytesPerChannel
  // either side can be the one that lies flat once the picture is upright
  const linesBytes = (across: number, down: number) =>
    across * pixelBytes * Math.min(linesMax, linesOfFlat.atLeast + linesOfFlat.forEach * down)
  const lines = turned ? Math.max(linesBytes(width, height), linesBytes(height, width)) : linesBytes(width, height)
  const whole = facts.pixels * wholeBytesPerPixel[format](facts)
  const upright = turned ? width * height * pixelBytes * Math.max(1, (onLoad / target.shrink) ** 2) : 0
  return Math.ceil((inThread.includes(format) ? threadBytes : fixedBytes) + whole + lines + upright)
}

/** By which power of two the decoder shrinks when a factor of two is left to the real filter. */
function jpegShrink(shrink: number): number {
  return shrink >= 16 ? 8 : shrink >= 8 ? 4 : shrink >= 4 ? 2 : 1
}
