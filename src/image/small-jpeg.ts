/**
 * Small JPEGs, decoded and encoded by libjpeg-turbo compiled to WebAssembly: for a picture of a few hundred pixels a side,
 * setting up a pipeline of sharp takes three times as long as decoding it. The pixels are those of sharp, bit for bit; a
 * test compares them. Runs on the calling thread, hence the limits; anything else is left to sharp, and so is anything
 * that fails here, so that refusals are the same.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

interface Size {
  width: number
  height: number
}

interface FrameInfo extends Size {
  bitsPerSample: number
  componentCount: number
  isSigned: boolean
}

/** The part of the codec's interface that we use. Views are of its memory, which moves when it grows. */
interface Decoder {
  getEncodedBuffer(bytes: number): Uint8Array
  readHeader(): void
  getFrameInfo(): FrameInfo
  decode(): void
  getDecodedBuffer(): Uint8ClampedArray<ArrayBuffer>
}

interface Encoder {
  setQuality(quality: number): void
  setProgressive(isProgressive: 0 | 1): void
  setSubSampling(sampling: number): void
  getDecodedBuffer(frame: FrameInfo): Uint8Array
  encode(): void
  getEncodedBuffer(): Uint8ClampedArray<ArrayBuffer>
}

interface Codec {
  JPEGDecoder: new () => Decoder
  JPEGEncoder: new () => Encoder
}

/** About 2 ms; also the largest thumbnail. */
const pixelsMax = 2 ** 17
const fileBytesMax = 2 ** 18
/** Progressive pictures have about ten; each costs time, whatever its size. */
const scansMax = 32
const startOfScan = Buffer.of(0xff, 0xda)
/** Whose pixels depend on more than the coded ones; in picture data these bytes do not occur. */
const unusual = ['ICC_PROFILE', 'Exif']
/** `TJSAMP_420` */
const sampling420 = 2
/** With standard tables and halved chroma. */
export const thumbnailQuality = 80

/**
 * @param file an ordinary JPEG with three channels, see `plain-jpeg-header.ts`
 * @param size as its header says
 * @returns [height, width, 3], 0..255; undefined if it is left to sharp
 */
export async function decodeSmallJpeg(file: Buffer, size: Size): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (size.width * size.height > pixelsMax || file.length > fileBytesMax || isUnusual(file)) return undefined
  return attempt(({ decoder }) => {
    decoder.getEncodedBuffer(file.length).set(file)
    decoder.readHeader()
    const { width, height, componentCount } = decoder.getFrameInfo()
    if (width !== size.width || height !== size.height || componentCount !== 3) return undefined
    decoder.decode()
    return decoder.getDecodedBuffer()
  })
}

/**
 * @param rgb [height, width, 3], 0..255
 * @returns undefined if it is left to sharp
 */
export async function encodeSmallThumbnail(
  rgb: Uint8Array,
  { width, height }: Size,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (width * height > pixelsMax || encodedMaxBytes(width, height) > rgb.length) return undefined
  return attempt(({ encoder }) => {
    encoder.getDecodedBuffer({ width, height, bitsPerSample: 8, componentCount: 3, isSigned: false }).set(rgb)
    encoder.encode()
    return encoder.getEncodedBuffer()
  })
}

/**
 * More than any picture takes at this quality: the codec reserves as many bytes as the pixels have, and does not check.
 * Coefficients take 1.5 bytes per pixel if the energy that pixels can have is spread over them in the costliest way.
 */
function encodedMaxBytes(width: number, height: number): number {
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16)
  return 1_024 + blocks * 16 * 16 * 2
}

function isUnusual(file: Buffer): boolean {
  if (unusual.some((mark) => file.includes(mark))) return true
  let scans = 0
  for (let at = file.indexOf(startOfScan); at >= 0; at = file.indexOf(startOfScan, at + 2))
    if (++scans > scansMax) return true
  return false
}

interface Opened {
  decoder: Decoder
  encoder: Encoder
}

let opened: Promise<Opened | undefined> | undefined

/** @returns undefined also where the platform has no room for WebAssembly: sharp is slower, but does the same */
async function attempt(
  work: (codec: Opened) => Uint8ClampedArray<ArrayBuffer> | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  opened ??= open().catch(() => undefined)
  const codec = await opened
  try {
    const made = codec && work(codec)
    return made && new Uint8Array(made.buffer)
  } catch (error) {
    // a refusal is thrown as a number and leaves the codec as it was; after anything else its memory cannot be trusted
    if (typeof error !== 'number') opened = undefined
    return undefined
  }
}

async function open(): Promise<Opened> {
  const require = createRequire(import.meta.url)
  const load = require('@cornerstonejs/codec-libjpeg-turbo-8bit/wasmjs') as (options: object) => Promise<Codec>
  const { JPEGDecoder, JPEGEncoder } = await load({
    wasmBinary: readFileSync(require.resolve('@cornerstonejs/codec-libjpeg-turbo-8bit/wasm')),
    print: () => undefined,
    printErr: () => undefined,
  })
  const encoder = new JPEGEncoder()
  encoder.setQuality(thumbnailQuality)
  encoder.setProgressive(0)
  encoder.setSubSampling(sampling420)
  return { decoder: new JPEGDecoder(), encoder }
}
