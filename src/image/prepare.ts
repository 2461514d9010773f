/** The pixel path, for training and serving alike: bytes of a picture → the square that the network sees. */
import type { Sharp } from 'sharp'
import { describeCopies } from '../copies/copy-descriptor.js'
import { cubicSquare } from './cubic-enlargement.js'
import { decodeMemoryBytes } from './decode-memory.js'
import {
  encodeThumbnail,
  fromRgb,
  type OpenedImage,
  openImage,
  type SizedRgb,
  toRgb,
  toSizedRgb,
  toThumbnail,
} from './decoder.js'
import type { ImageFormat } from './formats.js'
import { linearSquare } from './linear-enlargement.js'
import { middleSquare } from './middle-square.js'
import type { Preprocessing } from './preprocessing.js'
import { reduced, sizeWithin } from './reduction.js'
import { type Region, regionToPixels } from './region.js'
import { mirrored } from './views.js'
import { type Shape, showsWhole, wholeAlone, wholeAtSize, wholeHolds, wholeOf, wholeSideMin } from './whole-view.js'

export interface PrepareOptions {
  preprocessing: Preprocessing
  /** Maximum width × height, checked on the header before anything is decoded. */
  maxPixels: number
  /** Prepare only this part of the upright picture; the thumbnail shows the whole. */
  region?: Region
  /** Number of views, 1 to 4, in the order of `views.ts`. Default 1. */
  views?: number
  /** Also compute the copy descriptor of the picture or its region. */
  copies?: boolean | undefined
  /** Also make a JPEG thumbnail that fits into a square of `maxSide` pixels. */
  thumbnail?: { maxSide: number }
  /** Checked between the stages; a decode that has started runs to its end. */
  signal?: AbortSignal | undefined
}

export interface PreparedImage {
  /** [inputSize, inputSize, 3], RGB, 0..255. */
  pixels: Uint8Array
  /** The requested number of views, `pixels` first. */
  views: Uint8Array[]
  /** Size of the upright original, pixels. */
  width: number
  height: number
  format: ImageFormat
  /** See `copies/copy-descriptor.ts`. */
  copyDescriptor?: Uint8Array | undefined
  /** JPEG. */
  thumbnail?: Buffer
  durationMs: number
}

/**
 * One decode, shared by the outputs where possible: orientation, region, resize, crop, alpha on white, 8-bit sRGB.
 * @throws AlikeError `image_empty`, `image_format_unsupported`, `image_unreadable`, `image_too_many_pixels`,
 * `region_invalid`; the signal's reason when aborted
 */
export async function prepareImage(bytes: Uint8Array, options: PrepareOptions): Promise<PreparedImage> {
  const { prepare } = await planPreparation(bytes, options)
  return prepare()
}

/** The expected cost of a picture, known from its header, and the work itself. */
export interface Preparation {
  /** Peak memory of the decode. */
  decodeBytes: number
  /** @throws as `prepareImage` does */
  prepare(): Promise<PreparedImage>
}

/** Reads only the header. @throws as `prepareImage` does */
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
      await image.load()
      const made: Made = {}
      if (sideBySide) await Promise.all(outputs.map(({ make }) => make(made)))
      else await oneAfterTheOther(outputs, made, options.signal)
      options.signal?.throwIfAborted()
      const { pixels, otherFit, whole, thumbnail } = made as Made & Pick<Required<Made>, 'pixels'>

      const fits = otherFit === undefined ? [pixels] : [pixels, otherFit]
      const views =
        viewCount === 1
          ? fits
          : fits.flatMap((view) => [view, mirrored(view, preprocessing.inputSize)]).slice(0, viewCount)
      const copyDescriptor =
        options.copies === true
          ? describeCopies(whole!.rgb, whole!.width, whole!.height, shapeOf(image, options.region))
          : undefined
      return {
        pixels,
        views,
        width,
        height,
        format,
        copyDescriptor,
        ...(thumbnail && { thumbnail }),
        durationMs: headerMs + performance.now() - begun,
      }
    },
  }
}

/** If a picture's outputs together need more than this, they are made one after the other. */
const sideBySideMaxBytes = 64 * 2 ** 20

interface Made {
  pixels?: Uint8Array
  otherFit?: Uint8Array
  /** The whole picture or its region, for its copy descriptor. */
  whole?: SizedRgb
  thumbnail?: Buffer
}

interface Output {
  decodeBytes: number
  make(into: Made): Promise<void>
}

/** Each output decodes the picture once. */
function outputsOf(image: OpenedImage, options: PrepareOptions): Output[] {
  const { preprocessing, region, views = 1, copies = false, thumbnail } = options
  const { facts, width, height } = image
  const part = region && regionToPixels(region, width, height)
  const source = () => (part === undefined ? image.pipeline() : image.pipeline().extract(part))
  const shape = shapeOf(image, region)
  const output = (shortSide: number, make: Output['make']): Output => ({
    decodeBytes: decodeMemoryBytes(facts, {
      shrink: Math.min(shape.width, shape.height) / shortSide,
      shrinkOnLoad: part === undefined,
    }),
    make,
  })
  const outputs: Output[] = []
  const small = thumbnail && sizeWithin(image, thumbnail.maxSide)
  const ofWhole = region === undefined ? small : undefined
  if (isDecodedOnce(image, shape, options)) {
    outputs.push({
      decodeBytes: onceBytes(image, shape),
      make: async (into) =>
        void Object.assign(into, await madeFromAll({ image, source: source(), shape }, options, ofWhole)),
    })
    if (thumbnail === undefined || ofWhole !== undefined) return outputs
  } else {
    const alsoSmall = ofWhole && wholeHolds(ofWhole, shape, preprocessing) ? ofWhole : undefined
    outputs.push(
      output(
        shortSideOf(preprocessing),
        async (into) =>
          void Object.assign(
            into,
            await squareOf({ image, source: source(), shape }, preprocessing, { copies, small: alsoSmall }),
          ),
      ),
    )
    if (copies && !showsWhole(shape, preprocessing))
      outputs.push(output(wholeSideMin, async (into) => void (into.whole = await wholeAlone(image, source(), shape))))
    if (views > 2)
      outputs.push(
        output(
          shortSideOf(otherRule(preprocessing)),
          async (into) => void (into.otherFit = await toRgb(image, squared(source(), otherRule(preprocessing)))),
        ),
      )
    if (thumbnail === undefined || alsoSmall !== undefined) return outputs
  }
  outputs.push({
    decodeBytes: decodeMemoryBytes(facts, {
      shrink: Math.max(1, Math.max(width, height) / thumbnail.maxSide),
      shrinkOnLoad: true,
    }),
    make: async (into) => void (into.thumbnail = await toThumbnail(image, small!)),
  })
  return outputs
}

function shortSideOf({ fit, resizeShortSide, inputSize }: Preprocessing): number {
  return fit === 'cover' ? resizeShortSide : inputSize
}

function otherRule(preprocessing: Preprocessing): Preprocessing {
  return { ...preprocessing, fit: preprocessing.fit === 'cover' ? 'squash' : 'cover' }
}

/** Size of the upright picture or its region, in pixels. */
function shapeOf({ width, height }: OpenedImage, region: Region | undefined): Shape {
  return region === undefined ? { width, height } : regionToPixels(region, width, height)
}

/** A picture, or its region, ready to be decoded. */
interface ShapedSource {
  image: OpenedImage
  source: Sharp
  shape: Shape
}

/** Also returns what the same decode yields: the whole picture, and a thumbnail of this size made from it. */
async function squareOf(
  { image, source, shape }: ShapedSource,
  preprocessing: Preprocessing,
  { copies, small }: { copies: boolean; small: Shape | undefined },
): Promise<Made> {
  if ((!copies && small === undefined) || !showsWhole(shape, preprocessing))
    return { pixels: await toRgb(image, squared(source, preprocessing)) }
  const isSquashed = preprocessing.fit === 'squash'
  const whole = isSquashed
    ? await toSizedRgb(image, squared(source, preprocessing))
    : await wholeAtSize(image, source, shape, preprocessing)
  const made: Made = { pixels: isSquashed ? whole.rgb : middleSquare(whole, preprocessing), whole }
  return small === undefined ? made : { ...made, thumbnail: await encodeThumbnail(reduced(whole, small)) }
}

/**
 * Whether all pixels are decoded once and every output is made from them: for a small picture, which is enlarged. A
 * decoder could not skip any of it, and if it is 8-bit and upright, the square is bit-identical.
 */
function isDecodedOnce(
  { facts, conversion }: OpenedImage,
  shape: Shape,
  { preprocessing, views = 1, copies = false, thumbnail }: PrepareOptions,
): boolean {
  const isSmall =
    Math.min(shape.width, shape.height) < shortSideOf(preprocessing) && shape.width * shape.height <= onceMaxPixels
  const isSaved =
    isEnlargedHere(preprocessing) ||
    thumbnail !== undefined ||
    views > 2 ||
    (copies && !showsWhole(shape, preprocessing))
  return isSmall && isSaved && facts.bytesPerChannel === 1 && !facts.turned && conversion === undefined
}

function isEnlargedHere({ fit }: Preprocessing): boolean {
  return fit === 'cover'
}

/** libvips enlarges in two ways: with the kernel `linear`, and one way for all others. */
function enlargedSquare(all: SizedRgb, preprocessing: Preprocessing): Uint8Array {
  return (preprocessing.kernel === 'linear' ? linearSquare : cubicSquare)(all, preprocessing)
}

const onceMaxPixels = 2 ** 20

/** All pixels, and the outputs made from them concurrently. */
function onceBytes({ facts }: OpenedImage, { width, height }: Shape): number {
  return decodeMemoryBytes(facts, { shrink: 1, shrinkOnLoad: false }) + 4 * 3 * width * height + 4 * 2 ** 20
}

async function madeFromAll(
  { image, source, shape }: ShapedSource,
  { preprocessing, views = 1, copies = false }: PrepareOptions,
  small: Shape | undefined,
): Promise<Made> {
  const all = await toSizedRgb(image, source)
  const [pixels, otherFit, whole, thumbnail] = await Promise.all([
    isEnlargedHere(preprocessing)
      ? enlargedSquare(all, preprocessing)
      : toRgb(image, squared(fromRgb(all), preprocessing)),
    views > 2 ? toRgb(image, squared(fromRgb(all), otherRule(preprocessing))) : undefined,
    copies ? wholeOf(image, all, shape) : undefined,
    small && encodeThumbnail(reduced(all, small)),
  ])
  return { pixels, ...(whole && { whole }), ...(otherFit && { otherFit }), ...(thumbnail && { thumbnail }) }
}

async function oneAfterTheOther(outputs: Output[], made: Made, signal: AbortSignal | undefined): Promise<void> {
  for (const { make } of outputs) {
    signal?.throwIfAborted()
    await make(made)
  }
}

function squared(source: Sharp, { inputSize, fit, resizeShortSide, kernel }: Preprocessing): Sharp {
  // `fastShrinkOnLoad: false` leaves at least a factor of two to the real filter: the coarse shrink
  // of the JPEG decoder alone would change pixels by up to 9/255 between sizes of the same picture.
  const how = { kernel, fastShrinkOnLoad: false }
  if (fit === 'squash') return source.resize(inputSize, inputSize, { ...how, fit: 'fill' })
  const resized = source.resize(resizeShortSide, resizeShortSide, { ...how, fit: 'cover' })
  if (resizeShortSide === inputSize) return resized
  const margin = Math.floor((resizeShortSide - inputSize) / 2)
  return resized.extract({ left: margin, top: margin, width: inputSize, height: inputSize })
}
