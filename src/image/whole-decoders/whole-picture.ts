/** The interface of decoders that hold the whole picture: the header before decoding, and the result. */
import type { ImageFormat } from '../formats.js'

/** The formats that sharp cannot read; each has a decoder here that returns all pixels at once. */
const wholeFormats = ['bmp', 'heic', 'jxl'] as const
export type WholeFormat = (typeof wholeFormats)[number]

export function isWholeFormat(format: ImageFormat): format is WholeFormat {
  return (wholeFormats as readonly string[]).includes(format)
}

export interface WholeHeader {
  /** Upright, pixels. */
  width: number
  height: number
  /** Over everything in the file that has a size of its own. */
  pixels: number
}

/** Upright RGBA, 8 bits per sample, written to `pixels`. */
export type DecodeWhole = (file: Buffer, header: WholeHeader, pixels: Uint8Array) => Promise<void>

/** Input of a decoder's thread. */
export interface WholeTask {
  format: WholeFormat
  file: Uint8Array
  header: WholeHeader
  profile: Uint8Array | undefined
  /** The decoder's own memory, excluding the output pixels. */
  memoryMaxBytes: number
}

export type WholeReply = { tiff: Uint8Array<ArrayBuffer> } | { damage: string }

/** The file cannot be decoded; the message says why, as a sentence. */
export class Undecodable extends Error {}
