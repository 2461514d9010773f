/** The pixel path: bytes of a picture → the square that the network sees. Training and serving alike. */
import type { Sharp } from 'sharp'
import { describeCopies } from '../copies/copy-descriptor.js'
import { decodeMemoryBytes } from './decode-memory.js'
import { openImage, toRgb, toSizedRgb, toThumbnail, type OpenedImage, type SizedRgb } from './decoder.js'
import type { ImageFormat } from './formats.js'
import type { Preprocessing } from './preprocessing.js'
import { regionToPixels, type Region } from './region.js'
import { mirrored } from './views.js'
import { middleSquare, showsWhole, wholeAlone, wholeAtSize, wholeSideMin, type Shape } from './whole-view.js'

export interface PrepareOptions {
  preprocessing: Preprocessing
  /** Upper bound of width × height, checked on the header before anything is decoded. */
  maxPixels: number
  /** Only this part of the upright picture is prepared; the thumbnail shows the whole. */
  region?: Region
  /** How many views to make, 1 to 4, in the order of `views.ts`. Default 1. */
  views?: number
  /** Also describe it (or its region) for the search of copies. */
  copies?: boolean | undefined
  /** Also make a WebP thumbnail that fits a square of `maxSide` pixels. */
  thumbnail?: { maxSide: number }
  /** Checked between the stages; a decode that has begun is finished. */
  signal?: AbortSignal | undefined
}

export interface PreparedImage {
  /** [inputSize, inputSize, 3], RGB, 0..255. */
  pixels: Uint8Array
  /** As many as asked for, `pixels` first. */
  views: Uint8Array[]
  /** Size of the upright original, pixels. */
  width: number
  height: number
  format: ImageFormat
  /** See `copies/copy-descriptor.ts`. */
  copyDescriptor?: Uint8Array | undefined
  /** WebP. */
  thumbnail?: Buffer
  durationMs: number
}

/**
 * One decode per output: orientation, region, resize, crop, alpha on white, 8-bit sRGB.
 * @throws AlikeError `image_empty`, `image_format_unsupported`, `image_unreadable`,
 * `image_too_many_pixels`, `region_invalid`; the signal's reason when aborted.
 */
export async function prepareImage(bytes: Uint8Array, options: PrepareOptions): Promise<PreparedImage> {
  const { prepare } = await planPreparation(bytes, options)
  return prepare()
}

/** What a picture will take, known from its header, and how it is made. */
export interface Preparation {
  /** Memory at the peak of the decode. */
  decodeBytes: number
  /** @throws as `prepareImage` */
  prepare(): Promise<PreparedImage>
}

/** Reads the header only. @throws as `prepareImage` */
export async function planPreparation(bytes: Uint8Array, options: PrepareOptions): Promise<Preparation> {
  const started = performance.now()
  options.signal?.throwIfAborted()
  const image = await openImage(bytes, options.maxPixels)
  const headerMs = performance.now() - started
  const { width, height, format } = image
  const { preprocessing, views: viewCount = 1 } = options

  const outputs = outputsOf(image, options)
  const largestBytes = Math.max(...outputs.map((output) => output.decodeBytes))
  const sumBytes = outputs.reduce((sum, output) => sum + output.decodeBytes, 0)
  const sideBySide = sumBytes <= sideBySideMaxBytes
  return {
    decodeBytes: sideBySide ? sumBytes : largestBytes,
    async prepare() {
      const begun = performance.now()
      options.signal?.throwIfAborted()
      const made: Made = {}
      if (sideBySide) await Promise.all(outputs.map(({ make }) => make(made)))
      else await oneAfterTheOther(outputs, made, options.signal)
      options.signal?.throwIfAborted()
      const { pixels, otherFit, whole, thumbnail } = made as Made & Pick<Required<Made>, 'pixels'>

      const fits = otherFit === undefined ? [pixels] : [pixels, otherFit]
      const views = viewCount === 1 ? fits : fits.flatMap((view) => [view, mirrored(view, preprocessing.inputSize)]).slice(0, viewCount)
      const copyDescriptor = whole && describeCopies(whole.rgb, whole.width, whole.height, shapeOf(image, options.region))
      return { pixels, views, width, height, format, copyDescriptor, ...(thumbnail && { thumbnail }), durationMs: headerMs + performance.now() - begun }
    },
  }
}

/** Outputs of a picture that takes more than this, all of them together, are made one after the other. */
const sideBySideMaxBytes = 64 * 2 ** 20

interface Made {
  pixels?: Uint8Array
  otherFit?: Uint8Array
  /** All of the picture or its region, for its copy descriptor. */
  whole?: SizedRgb
  thumbnail?: Buffer
}

interface Output {
  decodeBytes: number
  make(into: Made): Promise<void>
}

function outputsOf(image: OpenedImage, { preprocessing, region, views = 1, copies = false, thumbnail }: PrepareOptions): Output[] {
  const { facts, width, height } = image
  const part = region && regionToPixels(region, width, height)
  const source = () => (part === undefined ? image.pipeline() : image.pipeline().extract(part))
  const shape = shapeOf(image, region)
  const output = (shortSide: number, make: Output['make']): Output => ({
    decodeBytes: decodeMemoryBytes(facts, { shrink: Math.min(shape.width, shape.height) / shortSide, shrinkOnLoad: part === undefined }),
    make,
  })
  const shortSideOf = (rule: Preprocessing) => (rule.fit === 'cover' ? rule.resizeShortSide : rule.inputSize)

  const outputs = [output(shortSideOf(preprocessing), async (into) => void Object.assign(into, await squareOf(image, source(), shape, preprocessing, copies)))]
  if (copies && !showsWhole(shape, preprocessing)) outputs.push(output(wholeSideMin, async (into) => void (into.whole = await wholeAlone(image, source(), shape))))
  if (views > 2) {
    const otherRule = { ...preprocessing, fit: preprocessing.fit === 'cover' ? 'squash' : 'cover' } as const
    outputs.push(output(shortSideOf(otherRule), async (into) => void (into.otherFit = await toRgb(image, squared(source(), otherRule)))))
  }
  if (thumbnail !== undefined) {
    outputs.push({
      decodeBytes: decodeMemoryBytes(facts, { shrink: Math.max(1, Math.max(width, height) / thumbnail.maxSide), shrinkOnLoad: true }),
      make: async (into) => void (into.thumbnail = await toThumbnail(image, thumbnail.maxSide)),
    })
  }
  return outputs
}

/** Pixels, upright, of the picture or its region. */
function shapeOf({ width, height }: OpenedImage, region: Region | undefined): Shape {
  return region === undefined ? { width, height } : regionToPixels(region, width, height)
}

/** With the whole, where it is wanted and comes from the same decode. */
async function squareOf(image: OpenedImage, source: Sharp, shape: Shape, preprocessing: Preprocessing, copies: boolean): Promise<Made> {
  if (!copies || !showsWhole(shape, preprocessing)) return { pixels: await toRgb(image, squared(source, preprocessing)) }
  if (preprocessing.fit === 'squash') {
    const whole = await toSizedRgb(image, squared(source, preprocessing))
    return { pixels: whole.rgb, whole }
  }
  const whole = await wholeAtSize(image, source, shape, preprocessing)
  return { pixels: middleSquare(whole, preprocessing), whole }
}

async function oneAfterTheOther(outputs: Output[], made: Made, signal: AbortSignal | undefined): Promise<void> {
  for (const { make } of outputs) {
    signal?.throwIfAborted()
    await make(made)
  }
}

function squared(source: Sharp, { inputSize, fit, resizeShortSide, kernel }: Preprocessing): Sharp {
  // `fastShrinkOnLoad: false` leaves at least a factor of two to the real filter: the coarse shrink
  // of the JPEG decoder alone would move pixels by up to 9/255 between sizes of the same picture.
  const how = { kernel, fastShrinkOnLoad: false }
  if (fit === 'squash') return source.resize(inputSize, inputSize, { ...how, fit: 'fill' })
  const resized = source.resize(resizeShortSide, resizeShortSide, { ...how, fit: 'cover' })
  if (resizeShortSide === inputSize) return resized
  const margin = Math.floor((resizeShortSide - inputSize) / 2)
  return resized.extract({ left: margin, top: margin, width: inputSize, height: inputSize })
}
