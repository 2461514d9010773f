/** For training only: a random view of a picture, in the same shape as the output of the pixel path. */
import { fromRgb, type OpenedImage, openImage, toRgb, toSizedRgb } from './decoder.js'
import { editedMaxPixels, openFile, type Sharp, toFile } from './edits.js'
import type { Preprocessing } from './preprocessing.js'

export interface AugmentOptions {
  preprocessing: Preprocessing
  /** Seeded, uniform in [0, 1). */
  random: () => number
  /** Smallest share of the picture's area that a crop keeps; 1 gives the largest crop. Default 0.4. */
  minScale?: number
  /** Largest relative change of brightness, contrast and saturation; 0 leaves colours unchanged. Default 0.2. */
  colourJitter?: number
  /** Whether to first apply the edits that pictures undergo in the wild, see `weathered`. Default false. */
  wild?: boolean
}

/** Aspect ratios of crops lie between 3:4 and 4:3, uniform in the logarithm. */
const maxLogAspect = Math.log(4 / 3)

/**
 * Random resized crop, mirrored with probability ½, colour jitter.
 * Draws eight random numbers, and eight more for a wild view.
 * @returns [inputSize, inputSize, 3], RGB, 0..255.
 * @throws AlikeError as `prepareImage` does
 */
export async function augmentImage(bytes: Uint8Array, options: AugmentOptions): Promise<Uint8Array> {
  const { preprocessing, random, minScale = 0.4, colourJitter = 0.2, wild = false } = options
  const draws = Array.from({ length: 8 }, random)
  const [scale = 0, aspect = 0, x = 0, y = 0, mirror = 0, ...jitter] = draws

  const image = await openImage(bytes, editedMaxPixels)
  await image.load()
  const crop = randomCrop(image.width, image.height, {
    share: minScale + (1 - minScale) * scale,
    aspect: Math.exp((2 * aspect - 1) * maxLogAspect),
    x,
    y,
  })
  const size = preprocessing.inputSize
  const shown = (found: Sharp) =>
    found.resize(size, size, { fit: 'fill', kernel: preprocessing.kernel }).flop(mirror < 0.5)
  const pixels = wild
    ? // the re-encoded picture is sRGB, whatever the original was
      await toRgb(
        { ...image, conversion: undefined },
        shown(await weathered(image, crop, Array.from({ length: 8 }, random))),
      )
    : await toRgb(image, shown(image.pipeline().extract(crop)))
  if (colourJitter > 0) jitterColours(pixels, colourJitter, jitter)
  return pixels
}

/**
 * The edits that pictures undergo in the wild: shrinking to as little as a quarter of the side, re-encoding as JPEG or
 * WebP, and occasionally loss of colour, slight blur or a border. A network that has never seen them does not recognise
 * its own pictures afterwards.
 * @param draws eight numbers, uniform in [0, 1)
 */
async function weathered(
  image: OpenedImage,
  crop: Crop,
  [size = 0, grey = 0, blur = 0, border = 0, shade = 0, quality = 0, webp = 0, sigma = 0]: number[],
): Promise<Sharp> {
  // uniform in the logarithm: shrinking from 1 to ½ is as likely as from ½ to ¼
  const scale = 0.25 ** size
  const side = (length: number) => Math.max(8, Math.round(length * scale))
  let view = fromRgb(
    await toSizedRgb(
      image,
      image.pipeline().extract(crop).resize(side(crop.width), side(crop.height), { fit: 'fill' }),
    ),
  )
  if (grey < 0.2) view = view.greyscale()
  if (blur < 0.2) view = view.blur(0.3 + sigma)
  // the border is added after encoding, so that no filter smears it into the picture
  const saved = await toFile(view, { webp: webp < 0.3, quality: Math.round(30 + 65 * quality) })
  if (border >= 0.2) return openFile(saved)
  const width = Math.max(1, Math.round(Math.min(side(crop.width), side(crop.height)) * (0.02 + 0.18 * (border / 0.2))))
  const level = shade < 0.5 ? 255 : shade < 0.8 ? 0 : Math.round(255 * sigma)
  return openFile(
    await toFile(
      openFile(saved).extend({
        top: width,
        bottom: width,
        left: width,
        right: width,
        background: { r: level, g: level, b: level },
      }),
      { webp: false, quality: 90 },
    ),
  )
}

interface Crop {
  left: number
  top: number
  width: number
  height: number
}

interface CropDraw {
  share: number
  aspect: number
  x: number
  y: number
}

function randomCrop(width: number, height: number, { share, aspect, x, y }: CropDraw): Crop {
  const area = width * height * share
  const cropWidth = clamp(Math.round(Math.sqrt(area * aspect)), 1, width)
  const cropHeight = clamp(Math.round(Math.sqrt(area / aspect)), 1, height)
  return {
    left: Math.floor(x * (width - cropWidth + 1)),
    top: Math.floor(y * (height - cropHeight + 1)),
    width: cropWidth,
    height: cropHeight,
  }
}

/** In place: v → ((v·s + grey·(1−s)) − m)·c + m)·b, with s, c, b near 1 and m the picture's mean grey. */
function jitterColours(pixels: Uint8Array, strength: number, [a = 0.5, b = 0.5, c = 0.5]: number[]): void {
  const around1 = (draw: number) => 1 + strength * (2 * draw - 1)
  const [brightness, contrast, saturation] = [around1(a), around1(b), around1(c)]
  const mean = meanGrey(pixels)
  for (let i = 0; i < pixels.length; i += 3) {
    const grey = greyAt(pixels, i)
    for (let channel = i; channel < i + 3; channel++) {
      const saturated = grey + (pixels[channel]! - grey) * saturation
      pixels[channel] = clamp(Math.round(((saturated - mean) * contrast + mean) * brightness), 0, 255)
    }
  }
}

function meanGrey(pixels: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < pixels.length; i += 3) sum += greyAt(pixels, i)
  return sum / (pixels.length / 3)
}

/** ITU-R BT.601 luma. */
function greyAt(pixels: Uint8Array, i: number): number {
  return 0.299 * pixels[i]! + 0.587 * pixels[i + 1]! + 0.114 * pixels[i + 2]!
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
