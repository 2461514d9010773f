/** What becomes of pictures on their way through the world: each edit gives the file that a copy would be. */
import sharp, { type Sharp } from 'sharp'

export type { Sharp }

/** A picture that was made here. */
export const openFile = (bytes: Uint8Array): Sharp => sharp(bytes)

/** @param quality 1 to 100 */
export function toFile(picture: Sharp, { webp, quality }: { webp: boolean; quality: number }): Promise<Buffer> {
  return (webp ? picture.webp({ quality, effort: 0 }) : picture.jpeg({ quality })).toBuffer()
}

type Edit = (picture: Sharp, width: number, height: number) => Sharp

const resized =
  (share: number): Edit =>
  (picture, width, height) =>
    picture
      .resize(Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share)), { fit: 'fill' })
      .jpeg({ quality: 85 })
const saved = (picture: Sharp) => picture.jpeg({ quality: 90 })

/** @param left, top, right, bottom shares cut off */
const cropped =
  (left: number, top: number, right: number, bottom: number): Edit =>
  (picture, width, height) => {
    const [x, y] = [Math.round(width * left), Math.round(height * top)]
    return saved(
      picture.extract({
        left: x,
        top: y,
        width: width - x - Math.round(width * right),
        height: height - y - Math.round(height * bottom),
      }),
    )
  }

const bordered =
  (share: number, background: string): Edit =>
  (picture, width, height) => {
    const side = Math.round(Math.min(width, height) * share)
    return saved(picture.extend({ top: side, bottom: side, left: side, right: side, background }))
  }

/** Five by seven dots a letter: SALE. */
const letters = [
  '01110100000111000001000011000101110',
  '01110100011000111111100011000110001',
  '10000100001000010000100001000011111',
  '11111100001000011110100001000011111',
] as const

/** White letters, an eighth of the height and a third of the width, near the lower left corner. */
const written: Edit = (picture, width, height) => {
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
    picture.composite([{ input: pixels, raw: { width: textWidth, height: textHeight, channels: 4 }, ...place }]),
  )
}

export const edits = {
  'half size': resized(0.5),
  'quarter size': resized(0.25),
  'JPEG quality 40': (picture) => picture.jpeg({ quality: 40 }),
  'WebP quality 60': (picture) => picture.webp({ quality: 60 }),
  '5 % cut off each side': cropped(0.05, 0.05, 0.05, 0.05),
  '10 % cut off each side': cropped(0.1, 0.1, 0.1, 0.1),
  '10 % cut off the left': cropped(0.1, 0, 0, 0),
  '10 % cut off a corner': cropped(0.1, 0.1, 0, 0),
  '30 % brighter': (picture) => saved(picture.modulate({ brightness: 1.3 })),
  'more contrast': (picture) => saved(picture.linear(1.5, -64)),
  grey: (picture) => saved(picture.greyscale()),
  mirrored: (picture) => saved(picture.flop()),
  'white border of 8 %': bordered(0.08, '#ffffff'),
  'black border of 20 %': bordered(0.2, '#000000'),
  'text on it': written,
  'mirrored, half size, quality 60': (picture, width, height) =>
    resized(0.5)(picture.flop(), width, height).jpeg({ quality: 60 }),
  'turned by 2°': (picture) => saved(picture.rotate(2, { background: '#ffffff' })),
  '15 % cut off each side': cropped(0.15, 0.15, 0.15, 0.15),
  'middle square': (picture, width, height) => {
    const side = Math.min(width, height)
    return cropped(
      (width - side) / 2 / width,
      (height - side) / 2 / height,
      (width - side) / 2 / width,
      (height - side) / 2 / height,
    )(picture, width, height)
  },
} as const satisfies Record<string, Edit>
export type EditName = keyof typeof edits

/** Of the picture as it is shown: upright, and on white where it is transparent. */
export async function edited(bytes: Uint8Array, name: EditName): Promise<Buffer> {
  const picture = sharp(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { autoOrient: true })
  const { width, height } = (await picture.metadata()).autoOrient
  return edits[name](picture.flatten({ background: '#ffffff' }), width, height).toBuffer()
}
