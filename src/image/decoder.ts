/** The only importer of sharp: opens untrusted bytes with every limit set, and classifies failures. */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import sharp, { type Metadata, type Sharp } from 'sharp'
import { AlikeError } from '../errors.js'
import { avifStill } from './avif-still.js'
import { heicColour } from './coded-colour.js'
import { type ColourConversion, conversionOf } from './colour-conversion.js'
import { type DecodeFacts, wholeDecoderBytes } from './decode-memory.js'
import { formatOf, type ImageFormat } from './formats.js'
import { gifWithClearCanvas } from './gif-canvas.js'
import { codedColourOf, conversionFor, expectWholeSamples, factsOf } from './header-facts.js'
import { plainJpegHeader } from './plain-jpeg-header.js'
import { decodeSmallJpeg, encodeSmallThumbnail, thumbnailQuality } from './small-jpeg.js'
import { readableTiff } from './tiff-header.js'
import { heicProfile } from './whole-decoders/heic.js'
import { wholeHeader } from './whole-decoders/whole-headers.js'
import { isWholeFormat, type WholeFormat } from './whole-decoders/whole-picture.js'
import { decodeWhole } from './whole-decoders/whole-thread.js'
import { wholeJpeg } from './whole-jpeg.js'

// Settings of the native library, which are global to the process. Pictures are never decoded twice,
// so its cache would only hold memory; parallelism comes from processing many pictures at once.
sharp.cache(false)
sharp.concurrency(1)
// Second line of defence after `formatOf`: bytes that fool the signature check reach no other loader. Once for all threads
// that this one starts: between the two calls no thread of the process can open a picture.
const isRestricted = 'alike: loaders of libvips'
if (getEnvironmentData(isRestricted) !== true) {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'].map((loader) => `VipsForeignLoad${loader}Buffer`),
  })
  setEnvironmentData(isRestricted, true)
}

export interface OpenedImage {
  format: ImageFormat
  /** Size after EXIF orientation, pixels. */
  width: number
  height: number
  /** Facts that determine the memory of a decode. */
  facts: DecodeFacts
  /** The message to use if its decoder fails. */
  damage?: string | undefined
  /** Conversion of decoded pixels that the decoder does not convert to sRGB. */
  conversion?: ColourConversion | undefined
  /**
   * Called once before its pipelines: decodes formats that are decoded as a whole.
   * @throws AlikeError `image_unreadable`
   */
  load(): Promise<void>
  /** A fresh pipeline on the same bytes: first frame, upright. */
  pipeline(): Sharp
  /** [height, width, 3], faster than a pipeline, for small ordinary pictures; undefined for any other. */
  briefly?(): Promise<Uint8Array | undefined>
}

/**
 * Reads the header only.
 * @throws AlikeError `image_empty`, `image_format_unsupported`, `image_unreadable`, `image_too_many_pixels`.
 */
export async function openImage(bytes: Uint8Array, maxPixels: number): Promise<OpenedImage> {
  const format = formatOf(bytes)
  if (isWholeFormat(format)) return openWhole(bytes, format, maxPixels)
  const { readable, damage } = readableOf(bytes, format)
  const failOn = format === 'jpeg' ? 'warning' : 'error'
  // the size is compared here, so that the refusal can state it
  const plain = format === 'jpeg' ? plainJpegHeader(readable) : undefined
  const header =
    plain ?? (await decoding(sharp(readable, { ...firstFrame, failOn, limitInputPixels: false }).metadata(), damage))
  if (header.width * header.height > maxPixels) throw tooManyPixels(header, maxPixels)
  if (format === 'tiff') expectWholeSamples(header)
  const { width, height } = header.autoOrient
  const colour = codedColourOf(readable, format)
  return {
    format,
    width,
    height,
    facts: factsOf(readable, format, header),
    damage: format === 'avif' && Math.max(width, height) > avifSideMax ? tooLong : damage,
    // a header that was read without the decoder belongs to an 8-bit JPEG
    conversion: 'space' in header ? conversionFor(header, colour) : undefined,
    load: async () => {},
    pipeline: () =>
      sharp(readable, { ...firstFrame, failOn, limitInputPixels: maxPixels, ignoreIcc: colour !== undefined }),
    ...(plain?.channels === 3 && { briefly: () => decodeSmallJpeg(readable, plain) }),
  }
}

const firstFrame = { sequentialRead: true, autoOrient: true, pages: 1 } as const

/**
 * For formats that sharp cannot decode: the pixels and their profile are wrapped in a TIFF once their memory is
 * granted.
 */
function openWhole(bytes: Uint8Array, format: WholeFormat, maxPixels: number): OpenedImage {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = wholeHeader(format, file)
  const { width, height, pixels } = header
  if (width * height > maxPixels) throw tooManyPixels(header, maxPixels)
  const [profile, colour] = format === 'heic' ? [heicProfile(file), heicColour(file)] : []
  const stored = {
    width,
    height,
    pixels,
    channels: 4,
    samples: 4,
    bytesPerChannel: 1,
    progressive: false,
    turned: false,
  }
  const facts: DecodeFacts = { format, ...stored }
  let tiff: Buffer | undefined
  return {
    format,
    width,
    height,
    facts,
    conversion: colour && conversionOf(colour),
    async load() {
      tiff = await decodeWhole({ format, file, header, profile, memoryMaxBytes: wholeDecoderBytes(facts) })
    },
    pipeline: () => sharp(tiff, { sequentialRead: true, limitInputPixels: maxPixels, ignoreIcc: colour !== undefined }),
  }
}

interface Readable {
  /**
   * Input of the decoder. A truncated picture is refused. Warnings such as odd metadata are accepted, except for JPEG,
   * where they mean damage.
   */
  readable: Buffer
  damage?: string | undefined
}

function readableOf(bytes: Uint8Array, format: ImageFormat): Readable {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (format === 'avif') return { readable: avifStill(file) }
  if (format === 'tiff') return { readable: readableTiff(file) }
  if (format === 'gif') return { readable: gifWithClearCanvas(file) }
  if (format !== 'jpeg') return { readable: file }
  const { bytes: readable, ended, lacksScans } = wholeJpeg(file)
  if (lacksScans) throw new AlikeError('image_unreadable', { detail: tooShort })
  return { readable, damage: ended ? 'Its picture data is damaged.' : tooShort }
}

const tooShort = 'It ends before its picture does.'

/** Of a picture or a tile, pixels: the decoder was built with this limit. */
const avifSideMax = 16_384
const tooLong = `A side has more than ${avifSideMax} pixels, which its decoder reads only from smaller tiles.`

function tooManyPixels({ width, height }: Pick<Metadata, 'width' | 'height'>, maxPixels: number): AlikeError {
  return new AlikeError('image_too_many_pixels', {
    detail: `It has ${width} × ${height} = ${width * height} pixels; at most ${maxPixels} are accepted.`,
  })
}

export interface SizedRgb {
  /** [height, width, 3], 0..255. */
  rgb: Uint8Array
  width: number
  height: number
}

/** Upright picture in any colour space → 8-bit sRGB, RGB order, alpha flattened on white. */
export async function toRgb(image: OpenedImage, pipeline: Sharp): Promise<Uint8Array> {
  return (await toSizedRgb(image, pipeline)).rgb
}

/** All pixels of the picture. */
export async function allPixels(image: OpenedImage): Promise<SizedRgb> {
  const rgb = await image.briefly?.()
  return rgb === undefined ? toSizedRgb(image, image.pipeline()) : { rgb, width: image.width, height: image.height }
}

/** Also returns the size, for callers that do not know it. */
export async function toSizedRgb({ damage, conversion }: OpenedImage, pipeline: Sharp): Promise<SizedRgb> {
  const flat = pipeline.flatten({ background: '#ffffff' })
  const { data, info } = await decoding(rawOf(flat, conversion).toBuffer({ resolveWithObject: true }), damage)
  return {
    rgb:
      conversion === undefined
        ? data
        : conversion.toSrgb(
            conversion.bits === 8 ? data : new Uint16Array(data.buffer, data.byteOffset, data.length / 2),
          ),
    width: info.width,
    height: info.height,
  }
}

function rawOf(
  pipeline: Sharp,
  { bits, fromProfile = false }: Pick<ColourConversion, 'bits' | 'fromProfile'> = { bits: 8 },
): Sharp {
  if (bits === 8) return pipeline.toColourspace('srgb').raw()
  const wide = pipeline.toColourspace('rgb16').raw({ depth: 'ushort' })
  return fromProfile ? wide.withIccProfile('srgb', { attach: false }) : wide
}

/** A thumbnail of this size, from a separate decode. */
export async function toThumbnail(
  image: OpenedImage,
  { width, height }: { width: number; height: number },
): Promise<Uint8Array> {
  return encodeThumbnail(await toSizedRgb(image, image.pipeline().resize(width, height, { fit: 'fill' })))
}

/**
 * JPEG: WebP with the same error is a fifth smaller but takes more than twice as long; optimised Huffman tables save a
 * twentieth and take a third longer (docs/adr/0015).
 */
export async function encodeThumbnail(small: SizedRgb): Promise<Uint8Array> {
  return (
    (await encodeSmallThumbnail(small.rgb, small)) ??
    fromRgb(small).jpeg({ quality: thumbnailQuality, optimizeCoding: false }).toBuffer()
  )
}

export function fromRgb({ rgb, width, height }: SizedRgb): Sharp {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
}

/** Awaits sharp and translates its failure into a catalogued error. */
async function decoding<T>(work: Promise<T>, damage: string | undefined): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const tooLarge = cause instanceof Error && cause.message.includes('exceeds pixel limit')
    throw new AlikeError(tooLarge ? 'image_too_many_pixels' : 'image_unreadable', {
      cause,
      ...(!tooLarge && damage !== undefined && { detail: damage }),
    })
  }
}
