/** The pixel path, for training and serving alike: bytes of a picture → the square that the network sees. */
import { allEnded } from '../all-ended.js'
import { describeCopies } from '../copies/copy-descriptor.js'
import { openImage, type SizedRgb } from './decoder.js'
import type { ImageFormat } from './formats.js'
import { type Made, type Output, outputsOf, shapeOf, type WantedOutputs } from './prepared-outputs.js'
import { discard } from './spent-bytes.js'
import { mirrored } from './views.js'

export interface PrepareOptions extends WantedOutputs {
  /** Maximum width × height, checked on the header before anything is decoded. */
  maxPixels: number
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
  /**
   * The copy descriptor (`copies/copy-descriptor.ts`), if it is wanted. To be called once, before the views are given
   * back: the picture may then be described while the model runs on another thread.
   */
  describe?: (() => Uint8Array) | undefined
  /** JPEG. */
  thumbnail?: Uint8Array
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
      if (sideBySide) await allEnded(outputs.map(({ make }) => make(made)))
      else await oneAfterTheOther(outputs, made, options.signal)
      options.signal?.throwIfAborted()
      const { pixels, otherFit, whole, all, thumbnail } = made as Made & Pick<Required<Made>, 'pixels'>
      const views = viewsOf(otherFit === undefined ? [pixels] : [pixels, otherFit], options)
      const described = options.copies === true ? whole! : undefined
      discardUnless(described === undefined ? views : [...views, described.rgb], whole, all)
      const describe = ({ rgb, width, height }: SizedRgb) => {
        const descriptor = describeCopies(rgb, width, height, shapeOf(image, options.region))
        discardUnless(views, described)
        return descriptor
      }
      return {
        pixels,
        views,
        width,
        height,
        format,
        ...(described && { describe: () => describe(described) }),
        ...(thumbnail && { thumbnail }),
        durationMs: headerMs + performance.now() - begun,
      }
    },
  }
}

/** Pictures that lie in the memory of needed ones stay. */
function discardUnless(needed: readonly Uint8Array[], ...spent: readonly (SizedRgb | undefined)[]): void {
  for (const image of spent)
    if (image !== undefined && needed.every(({ buffer }) => buffer !== image.rgb.buffer)) discard(image.rgb)
}

/** Each fit and its mirror image, in the order of `views.ts`. */
function viewsOf(fits: Uint8Array[], { preprocessing, views = 1 }: PrepareOptions): Uint8Array[] {
  if (views === 1) return fits
  return fits.flatMap((view) => [view, mirrored(view, preprocessing.inputSize)]).slice(0, views)
}

/** If a picture's outputs together need more than this, they are made one after the other. */
const sideBySideMaxBytes = 64 * 2 ** 20

async function oneAfterTheOther(outputs: Output[], made: Made, signal: AbortSignal | undefined): Promise<void> {
  for (const { make } of outputs) {
    signal?.throwIfAborted()
    await make(made)
  }
}
