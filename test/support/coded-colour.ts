/**
 * A drawn sRGB picture expressed in other code points of ITU-T H.273: the standards' formulas in the forward direction.
 */
import { crc32 } from 'node:zlib'
import sharp from 'sharp'

export const patches = [
  [255, 255, 255],
  [200, 60, 40],
  [40, 160, 70],
  [30, 60, 190],
  [128, 128, 128],
  [230, 200, 60],
  [20, 20, 20],
  [170, 90, 160],
] as const
const patchSide = 16
const behindHeader = 33
export const width = 4 * patchSide
export const height = 2 * patchSide

/** [height, width, 3] with each patch as returned by `colourOf`. */
export function drawn(colourOf: (patch: readonly number[]) => number[]): Buffer {
  const colours = patches.map(colourOf)
  return Buffer.from(
    Array.from(
      { length: width * height },
      (_, i) => colours[Math.floor((i % width) / patchSide) + 4 * Math.floor(i / width / patchSide)]!,
    ).flat(),
  )
}

/** PNG with samples in these code points, without declaring them. */
export async function plainPng(
  primaries: number,
  transfer: number,
  range: { black: number; white: number } = { black: 0, white: 255 },
): Promise<Buffer> {
  const inRange = (value: number) => Math.round(range.black + (value / 255) * (range.white - range.black))
  return sharp(
    drawn((patch) => codedPatch(patch, primaries, transfer).map(inRange)),
    { raw: { width, height, channels: 3 } },
  )
    .png()
    .toBuffer()
}

/** The same samples in eight or sixteen bits, with one of sharp's own profiles. */
export async function profiledPng(profile: 'srgb' | 'p3' | undefined, bits: 8 | 16): Promise<Buffer> {
  const samples = drawn((patch) => [...patch])
  const wide = Uint16Array.from(samples, (value) => value * 257)
  const raw = { width, height, channels: 3 } as const
  const png = await (bits === 8 ? sharp(samples, { raw }) : sharp(wide, { raw }).toColourspace('rgb16'))
    .png()
    .toBuffer()
  if (profile === undefined) return png
  const other = await sharp(samples, { raw }).withIccProfile(profile, { attach: true }).png().toBuffer()
  const at = other.indexOf('iCCP') - 4
  return Buffer.concat([
    png.subarray(0, behindHeader),
    other.subarray(at, at + 12 + other.readUInt32BE(at)),
    png.subarray(behindHeader),
  ])
}

/** As a chunk after the header. */
export function withCicp(png: Buffer, values: number[]): Buffer {
  const body = Buffer.concat([Buffer.from('cICP'), Buffer.from(values)])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(values.length)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return Buffer.concat([png.subarray(0, behindHeader), chunk, png.subarray(behindHeader)])
}

/** The centre of each patch. */
export function patchesOf(pixels: Uint8Array): number[][] {
  return patches.map((_, i) => {
    const at = ((Math.floor(i / 4) + 0.5) * patchSide * width + ((i % 4) + 0.5) * patchSide) * 3
    return [...pixels.subarray(at, at + 3)]
  })
}

function codedPatch(patch: readonly number[], primaries: number, transfer: number): number[] {
  const light = patch.map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  )
  const xyz = times(toXyz(chromaticities[1]!), light)
  const own = times(inverse(toXyz(chromaticities[primaries]!)), xyz)
  const shown = transfer === 18 ? hlgScene(own) : own
  return shown.map((value) => Math.min(255, Math.max(0, Math.round(255 * curves[transfer]!(Math.max(0, value))))))
}

/** x and y of red, green, blue and white. */
const chromaticities: Record<number, number[][]> = {
  1: [
    [0.64, 0.33],
    [0.3, 0.6],
    [0.15, 0.06],
    [0.3127, 0.329],
  ],
  5: [
    [0.64, 0.33],
    [0.29, 0.6],
    [0.15, 0.06],
    [0.3127, 0.329],
  ],
  6: [
    [0.63, 0.34],
    [0.31, 0.595],
    [0.155, 0.07],
    [0.3127, 0.329],
  ],
  9: [
    [0.708, 0.292],
    [0.17, 0.797],
    [0.131, 0.046],
    [0.3127, 0.329],
  ],
  12: [
    [0.68, 0.32],
    [0.265, 0.69],
    [0.15, 0.06],
    [0.3127, 0.329],
  ],
}

const bt709 = (light: number) => (light < 0.018 ? 4.5 * light : 1.099 * light ** 0.45 - 0.099)
/** Light, 1 = white, to a sample 0..1. */
const curves: Record<number, (light: number) => number> = {
  1: bt709,
  6: bt709,
  14: bt709,
  15: bt709,
  4: (light) => light ** (1 / 2.2),
  5: (light) => light ** (1 / 2.8),
  8: (light) => light,
  13: (light) => (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055),
  16: (light) => {
    const power = ((light * 203) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
  },
  18: (light) => (light <= 1 / 12 ? Math.sqrt(3 * light) : 0.17883277 * Math.log(12 * light - 0.28466892) + 0.55991073),
}

/** Light of a display with 1,000 cd/m² and white at 203 → scene light; colours in BT.2020. */
function hlgScene(light: number[]): number[] {
  const display = light.map((value) => (value * 203) / 1000)
  const luminance = 0.2627 * display[0]! + 0.678 * display[1]! + 0.0593 * display[2]!
  return display.map((value) => value * luminance ** ((1 - 1.2) / 1.2))
}

function toXyz([red, green, blue, white]: number[][]): number[][] {
  const [r, g, b, w] = [red!, green!, blue!, white!].map(([x = 0, y = 1]) => [x / y, 1, (1 - x - y) / y])
  const columns = [0, 1, 2].map((row) => [r![row]!, g![row]!, b![row]!])
  const scales = times(inverse(columns), w!)
  return columns.map((row) => row.map((value, i) => value * scales[i]!))
}

function times(matrix: number[][], vector: number[]): number[] {
  return matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0))
}

function inverse(matrix: number[][]): number[][] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = matrix.flat()
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / determinant))
}
