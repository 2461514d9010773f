/** What a decoder that holds the whole picture says of it before it decodes, and gives. */

/** The formats that sharp does not read; each has a decoder here that gives all pixels at once. */
export const wholeFormats = ['bmp', 'heic', 'jxl'] as const
export type WholeFormat = (typeof wholeFormats)[number]

export interface WholeHeader {
  /** Upright, pixels. */
  width: number
  height: number
  /** Of everything in the file that has a size of its own. */
  pixels: number
}

/** Four samples of 8 bits a pixel, upright. `pixels` is where they are written. */
export type DecodeWhole = (file: Buffer, header: WholeHeader, pixels: Uint8Array) => Promise<void>

/** What the thread of a decoder is given. */
export interface WholeTask {
  format: WholeFormat
  file: Uint8Array
  header: WholeHeader
  profile: Uint8Array | undefined
  /** The decoder's own memory, the pixels that it gives apart. */
  memoryMaxBytes: number
}

export type WholeReply = { tiff: Uint8Array<ArrayBuffer> } | { damage: string }

/** The file cannot be decoded; what is wrong with it, in a sentence. */
export class Undecodable extends Error {}
