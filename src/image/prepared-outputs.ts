/** Plans the outputs of a picture: as few decodes as possible, each with the memory it needs. */

import type { Sharp } from 'sharp'
import { allEnded } from '../all-ended.js'
import { decodeMemoryBytes } from './decode-memory.js'
import {
  allPixels,
  encodeThumbnail,
  fromRgb,
  type OpenedImage,
  type SizedRgb,
  toRgb,
  toSizedRgb,
  toThumbnail,
} from './decoder.js'
import { middleSquare } from './middle-square.js'
import { enlargedSquare, isCutAfterResize, isEnlargedHere, otherRule, shortSideOf, squared } from './network-square.js'
import type { Preprocessing } from './preprocessing.js'
import { reduced, sizeWithin } from './reduction.js'
import { type Region, regionToPixels } from './region.js'
import { discard } from './spent-bytes.js'
import {
  isCutFromWhole,
  isElongated,
  type Shape,
  showsWhole,
  wholeAlone,
  wholeAtSize,
  wholeHolds,
  wholeOf,
  wholeSideMin,
} from './whole-view.js'

export interface WantedOutputs {
  preprocessing: Preprocessing
  /** Prepare only this part of the upright picture; the thumbnail shows the whole. */
  region?: Region | undefined
  /** Number of views, 1 to 4, in the order of `views.ts`. Default 1. */
  views?: number
  /** Also compute the copy descriptor of the picture or its region. */
  copies?: boolean | undefined
  /** Also make a JPEG thumbnail that fits into a square of `maxSide` pixels. */
  thumbnail?: { maxSide: number } | undefined
}

export interface Made {
  pixels?: Uint8Array
  otherFit?: Uint8Array
  /** The whole picture or its region, for its copy descriptor. */
  whole?: SizedRgb
  /** What all of these were made from. */
  all?: SizedRgb
  thumbnail?: Uint8Array
}

export interface Output {
  decodeBytes: number
  make(into: Made): Promise<void>
}

/** A picture, or its region, ready to be decoded. */
interface ShapedImage {
  image: OpenedImage
  shape: Shape
  isRegion: boolean
  /** A fresh pipeline each time. */
  source(): Sharp
}

/** Each output decodes the picture once. */
export function outputsOf(image: OpenedImage, wanted: WantedOutputs): Output[] {
  const { region, thumbnail } = wanted
  const part = region && regionToPixels(region, image.width, image.height)
  const shaped: ShapedImage = {
    image,
    shape: shapeOf(image, region),
    isRegion: part !== undefined,
    source: () => (part === undefined ? image.pipeline() : image.pipeline().extract(part)),
  }
  const small = thumbnail && sizeWithin(image, thumbnail.maxSide)
  const ofWhole = region === undefined ? small : undefined
  const isOnce = isDecodedOnce(shaped, wanted)
  // the thumbnail comes from the decode of the square if that contains the whole picture in sufficient size
  const alsoSmall = isOnce || (ofWhole && wholeHolds(ofWhole, shaped.shape, wanted.preprocessing)) ? ofWhole : undefined
  const outputs = isOnce ? [outputOfAll(shaped, wanted, alsoSmall)] : separateOutputs(shaped, wanted, alsoSmall)
  return small === undefined || alsoSmall !== undefined
    ? outputs
    : [...outputs, thumbnailOutput(image, small, thumbnail!.maxSide)]
}

/** Size of the upright picture or its region, in pixels. */
export function shapeOf({ width, height }: OpenedImage, region: Region | undefined): Shape {
  return region === undefined ? { width, height } : regionToPixels(region, width, height)
}

/**
 * Whether all pixels are decoded once and every output is made from them: for a small picture, which is enlarged. A
 * decoder could not skip any of it, and if it has 8 bits, the square is bit-identical. One that is not upright is always
 * decoded so, because sharp would enlarge it before it is turned: its samples would be up to a pixel off, and a narrow
 * one of any size, one pixel by four thousand, would take half a gigabyte.
 */
function isDecodedOnce(
  { image: { facts, conversion }, shape }: ShapedImage,
  { preprocessing, views = 1, copies = false, thumbnail }: WantedOutputs,
): boolean {
  const short = Math.min(shape.width, shape.height)
  const isSmall = short < shortSideOf(preprocessing) && shape.width * shape.height <= onceMaxPixels
  const isSaved =
    isEnlargedHere(preprocessing) ||
    thumbnail !== undefined ||
    views > 2 ||
    (copies && !showsWhole(shape, preprocessing))
  const isIdentical = facts.bytesPerChannel === 1 && conversion === undefined
  const isNarrow = isElongated(shape) && narrowFrom * short < shortSideOf(preprocessing)
  return facts.turned ? isSmall || isNarrow : isSmall && isSaved && isIdentical
}

const onceMaxPixels = 2 ** 20
/** Enlarged by so much, it takes about as much memory as all of its pixels and what is made from them. */
const narrowFrom = 2

function outputOfAll(shaped: ShapedImage, wanted: WantedOutputs, small: Shape | undefined): Output {
  const { width, height } = shaped.shape
  const all = decodeMemoryBytes(shaped.image.facts, { shrink: 1, shrinkOnLoad: false })
  return {
    // all pixels, and the outputs made from them concurrently
    decodeBytes: all + 4 * 3 * width * height + 4 * 2 ** 20,
    make: async (into) => void Object.assign(into, await madeFromAll(shaped, wanted, small)),
  }
}

async function madeFromAll(
  { image, source, shape, isRegion }: ShapedImage,
  { preprocessing, views = 1, copies = false }: WantedOutputs,
  small: Shape | undefined,
): Promise<Made> {
  const all = await (isRegion ? toSizedRgb(image, source()) : allPixels(image))
  const converted = { ...image, conversion: undefined }
  const [pixels, otherFit, whole, thumbnail] = await allEnded([
    isEnlargedHere(preprocessing)
      ? enlargedSquare(all, preprocessing)
      : toRgb(converted, squared(fromRgb(all), preprocessing)),
    views > 2 ? toRgb(converted, squared(fromRgb(all), otherRule(preprocessing))) : undefined,
    copies ? wholeOf(converted, all, shape) : undefined,
    small && encodeThumbnail(reduced(all, small)),
  ])
  return { pixels, all, ...(whole && { whole }), ...(otherFit && { otherFit }), ...(thumbnail && { thumbnail }) }
}

function separateOutputs(
  shaped: ShapedImage,
  { preprocessing, views = 1, copies = false }: WantedOutputs,
  small: Shape | undefined,
): Output[] {
  const { image, source, shape } = shaped
  const output = (shortSide: number, make: Output['make'], isCut = false): Output => ({
    decodeBytes: decodeMemoryBytes(image.facts, {
      shrink: Math.min(shape.width, shape.height) / shortSide,
      shrinkOnLoad: !shaped.isRegion && !(image.facts.turned && isCut),
    }),
    make,
  })
  const square: Output['make'] = async (into) =>
    void Object.assign(into, await squareOf(shaped, preprocessing, { copies, small }))
  const isCutBySharp = isCutAfterResize(preprocessing) && !isCutFromWhole(shape, preprocessing)
  const outputs = [output(shortSideOf(preprocessing), square, isCutBySharp)]
  if (copies && !showsWhole(shape, preprocessing))
    outputs.push(output(wholeSideMin, async (into) => void (into.whole = await wholeAlone(image, source(), shape))))
  if (views > 2) {
    const other = otherRule(preprocessing)
    const otherFit = async () => toRgb(image, squared(source(), other))
    outputs.push(
      output(shortSideOf(other), async (into) => void (into.otherFit = await otherFit()), isCutAfterResize(other)),
    )
  }
  return outputs
}

/** Also returns what the same decode yields: the whole picture, and a thumbnail of this size made from it. */
async function squareOf(
  { image, source, shape }: ShapedImage,
  preprocessing: Preprocessing,
  { copies, small }: { copies: boolean; small: Shape | undefined },
): Promise<Made> {
  // sharp turns a picture upright before the resize if it cuts something from it afterwards, and then decodes all of it
  const isSlowlyCut = image.facts.turned && isCutAfterResize(preprocessing)
  const showsAll = showsWhole(shape, preprocessing)
  const isWholeWanted = (copies || small !== undefined) && showsAll
  if (!isWholeWanted && !(isSlowlyCut && isCutFromWhole(shape, preprocessing)))
    return { pixels: await toRgb(image, squared(source(), preprocessing)) }
  const isSquashed = preprocessing.fit === 'squash'
  const whole = isSquashed
    ? await toSizedRgb(image, squared(source(), preprocessing))
    : await wholeAtSize(image, source(), preprocessing)
  const pixels = isSquashed ? whole.rgb : middleSquare(whole, preprocessing)
  if (!showsAll) {
    discard(whole.rgb) // the square was cut from it
    return { pixels }
  }
  return { pixels, whole, ...(small && { thumbnail: await encodeThumbnail(reduced(whole, small)) }) }
}

/** A decode of the whole picture for the thumbnail alone. */
function thumbnailOutput(image: OpenedImage, small: Shape, maxSide: number): Output {
  return {
    decodeBytes: decodeMemoryBytes(image.facts, {
      shrink: Math.max(1, Math.max(image.width, image.height) / maxSide),
      shrinkOnLoad: true,
    }),
    make: async (into) => void (into.thumbnail = await toThumbnail(image, small)),
  }
}
