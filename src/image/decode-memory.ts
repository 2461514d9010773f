/**
 * Predicts the peak memory of a decode from the header. Measured in separate processes (`bench/decode-memory.ts`; the
 * table is in docs/load-and-safety.md) with sharp 0.35.5, libvips 8.18.7; rounded up. A picture is read in one of two
 * ways:
 *
 * - line by line (JPEG, non-interlaced PNG): some hundred lines are in memory, whatever the height;
 * - as a whole (everything else): all pixels, and the decoder's own buffers, are in memory.
 *
 * Rotating a picture upright needs memory for all of its pixels once more.
 */
import type { ImageFormat } from './formats.js'
import { isWholeFormat } from './whole-decoders/whole-picture.js'

export interface DecodeFacts {
  format: ImageFormat
  /** As stored, pixels. */
  width: number
  height: number
  /** Pixels of all planes with a size of their own (`avif-sizes.ts`), else width × height. */
  pixels: number
  channels: number
  /** Samples per pixel in a JPEG: 1.5 if chroma has half the width and height. */
  samples: number
  /** 1 or 2. */
  bytesPerChannel: number
  /** Interlaced, or in several scans: cannot be read line by line. */
  progressive: boolean
  /** Has to be rotated or mirrored. */
  turned: boolean
}

export interface DecodeTarget {
  /** Reduction factor of the shorter side; below 1 for enlargement. */
  shrink: number
  /** Whether the JPEG decoder may decode at reduced size; not with a region. */
  shrinkOnLoad: boolean
}

/** Bytes per pixel in decoders that hold the whole picture, including the pixels they output. */
const wholeBytesPerPixel = {
  gif: () => 4.6,
  webp: ({ channels }: DecodeFacts) => (channels === 4 ? 9.5 : 8.6),
  avif: ({ bytesPerChannel }: DecodeFacts) => (bytesPerChannel === 2 ? 26.5 : 20),
  // 16-bit coefficients of every sample
  jpeg: ({ samples, progressive }: DecodeFacts) => (progressive ? 2 * samples + 0.6 : 0),
  png: ({ channels, bytesPerChannel, progressive }: DecodeFacts) =>
    progressive ? channels * bytesPerChannel + 0.3 : 0,
  // one strip may hold the whole picture
  tiff: ({ channels, bytesPerChannel }: DecodeFacts) => channels * bytesPerChannel + 0.5,
  // a second copy of the file, and the pixels behind the header of a TIFF
  bmp: () => 6,
  heic: () => 13,
  jxl: () => 38,
} as const satisfies Record<ImageFormat, (facts: DecodeFacts) => number>

/** Memory of the thread that decodes as a whole, with its code. */
const threadBytes = 48 * 2 ** 20

/** Limit of WebAssembly memory for such a picture: more than its header requires. */
export function wholeDecoderBytes({ format, pixels }: DecodeFacts): number {
  return 64 * 2 ** 20 + pixels * (format === 'jxl' ? 40 : 14)
}

/** Lines between decoder and resizing: at most this many; a flat picture needs some for each of its own lines. */
const linesMax = 1_700
const linesOfFlat = { atLeast: 128, forEach: 6 }
const fixedBytes = 2 * 2 ** 20

/** @returns bytes at the peak of one output */
export function decodeMemoryBytes(facts: DecodeFacts, target: DecodeTarget): number {
  const { format, channels, bytesPerChannel, turned } = facts
  const onLoad = format === 'jpeg' && target.shrinkOnLoad ? jpegShrink(target.shrink) : 1
  const [width, height] = [Math.ceil(facts.width / onLoad), Math.ceil(facts.height / onLoad)]
  const pixelBytes = channels * bytesPerChannel
  // the orientation decides which side is horizontal, so take the worse
  const linesBytes = (across: number, down: number) =>
    across * pixelBytes * Math.min(linesMax, linesOfFlat.atLeast + linesOfFlat.forEach * down)
  const lines = turned ? Math.max(linesBytes(width, height), linesBytes(height, width)) : linesBytes(width, height)
  const whole = facts.pixels * wholeBytesPerPixel[format](facts)
  const upright = turned ? width * height * pixelBytes * Math.max(1, (onLoad / target.shrink) ** 2) : 0
  return Math.ceil((isWholeFormat(format) ? threadBytes : fixedBytes) + whole + lines + upright)
}

/** The power of two by which the decoder shrinks if a factor of two is left to the real filter. */
function jpegShrink(shrink: number): number {
  return shrink >= 16 ? 8 : shrink >= 8 ? 4 : shrink >= 4 ? 2 : 1
}
