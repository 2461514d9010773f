/** Common edits of pictures in circulation: each returns the file that a copy would be. */
import sharp, { type Sharp } from 'sharp'
import { fromRgb, openImage, toSizedRgb } from './decoder.js'

export type { Sharp }

/** For pictures made by this project, not untrusted ones. */
export const openFile = (bytes: Uint8Array): Sharp => sharp(bytes)

/** @param quality 1 to 100 */
export function toFile(image: Sharp, { webp, quality }: { webp: boolean; quality: number }): Promise<Buffer> {
  return (webp ? image.webp({ quality, effort: 0 }) : image.jpeg({ quality })).toBuffer()
}

type Edit = (image: Sharp, width: number, height: number) => Sharp

const resized =
  (share: number): Edit =>
  (image, width, height) =>
    image
      .resize(Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share)), { fit: 'fill' })
      .jpeg({ quality: 85 })
const saved = (image: Sharp) => image.jpeg({ quality: 90 })

/** @param left, top, right, bottom shares cut off */
const cropped =
  (left: number, top: number, right: number, bottom: number): Edit =>
  (image, width, height) => {
    const [x, y] = [Math.round(width * left), Math.round(height * top)]
    return saved(
      image.extract({
        left: x,
        top: y,
        width: width - x - Math.round(width * right),
        height: height - y - Math.round(height * bottom),
      }),
    )
  }

const bordered =
  (share: number, background: string): Edit =>
  (image, width, height) => {
    const side = Math.round(Math.min(width, height) * share)
    return saved(image.extend({ top: side, bottom: side, left: side, right: side, background }))
  }

/** Letters of five by seven dots: SALE. */
const letters = [
  '01110100000111000001000011000101110',
  '01110100011000111111100011000110001',
  '10000100001000010000100001000011111',
  '11111100001000011110100001000011111',
] as const

/** White letters, an eighth of the height and a third of the width, near the lower left corner. */
const written: Edit = (image, width, height) => {
  const dot = Math.max(1, Math.round(Math.min(height / 56, width / 72)))
  const [textWidth, textHeight] = [letters.length * 6 * dot, 7 * dot]
  const pixels = Buffer.alloc(textWidth * textHeight * 4)
  letters.forEach((dots, letter) => {
    for (let y = 0; y < textHeight; y++) {
      for (let x = 0; x < 5 * dot; x++) {
        if (dots[Math.floor(y / dot) * 5 + Math.floor(x / dot)] === '1')
          pixels.fill(255, (y * textWidth + letter * 6 * dot + x) * 4, (y * textWidth + letter * 6 * dot + x + 1) * 4)
      }
    }
  })
  const place = { left: Math.round(width * 0.06), top: Math.round(height * 0.8) }
  return saved(
    image.composite([{ input: pixels, raw: { width: textWidth, height: textHeight, channels: 4 }, ...place }]),
  )
}

export const edits = {
  'half size': resized(0.5),
  'quarter size': resized(0.25),
  'JPEG quality 40': (image) => image.jpeg({ quality: 40 }),
  'WebP quality 60': (image) => image.webp({ quality: 60 }),
  '5 % cut off each side': cropped(0.05, 0.05, 0.05, 0.05),
  '10 % cut off each side': cropped(0.1, 0.1, 0.1, 0.1),
  '10 % cut off the left': cropped(0.1, 0, 0, 0),
  '10 % cut off a corner': cropped(0.1, 0.1, 0, 0),
  '30 % brighter': (image) => saved(image.modulate({ brightness: 1.3 })),
  'more contrast': (image) => saved(image.linear(1.5, -64)),
  grey: (image) => saved(image.greyscale()),
  mirrored: (image) => saved(image.flop()),
  'white border of 8 %': bordered(0.08, '#ffffff'),
  'black border of 20 %': bordered(0.2, '#000000'),
  'text on it': written,
  'mirrored, half size, quality 60': (image, width, height) =>
    resized(0.5)(image.flop(), width, height).jpeg({ quality: 60 }),
  'turned by 2°': (image) => saved(image.rotate(2, { background: '#ffffff' })),
  '15 % cut off each side': cropped(0.15, 0.15, 0.15, 0.15),
  'middle square': (image, width, height) => {
    const side = Math.min(width, height)
    return cropped(
      (width - side) / 2 / width,
      (height - side) / 2 / height,
      (width - side) / 2 / width,
      (height - side) / 2 / height,
    )(image, width, height)
  },
} as const satisfies Record<string, Edit>
export type EditName = keyof typeof edits

/** Upper bound of width × height. */
export const editedMaxPixels = 100e6

/**
 * Edits the picture as displayed: upright, and on white where it is transparent.
 * @throws AlikeError as `prepareImage` does
 */
export async function edited(bytes: Uint8Array, name: EditName): Promise<Buffer> {
  const image = await openImage(bytes, editedMaxPixels)
  await image.load()
  const shown =
    image.conversion === undefined
      ? image.pipeline().flatten({ background: '#ffffff' })
      : fromRgb(await toSizedRgb(image, image.pipeline()))
  return edits[name](shown, image.width, image.height).toBuffer()
}
