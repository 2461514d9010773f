/** Converts pixels whose colour is given by code points to sRGB, in linear light. */
import { AlikeError } from '../errors.js'
import type { CodedColour } from './coded-colour.js'

export interface ColourConversion {
  /** Bits per sample requested from the decoder. */
  bits: 8 | 16
  /** Whether the decoder converts the profile to sRGB. */
  fromProfile?: boolean | undefined
  /** [pixels, 3] → sRGB, 0..255; in place where possible. */
  toSrgb(samples: Uint8Array | Uint16Array): Uint8Array
}

/** From 16-bit sRGB. */
export const narrowed: ColourConversion = {
  bits: 16,
  fromProfile: true,
  toSrgb: (samples) => Uint8Array.from(samples, (sample) => Math.round(sample / 257)),
}

type Matrix = readonly [number, number, number, number, number, number, number, number, number]

/** Code points of ITU-T H.273. */
const unspecified = 2
const srgb = { primaries: 1, transfer: 13 } as const
const pq = 16
const hlg = 18

/**
 * Linear RGB with these primaries → linear RGB with those of BT.709, which are also sRGB's, row by row: from the
 * chromaticities of ITU-T H.273, table 2 (BT.2020 as in ITU-R BT.2087). The white point of a cinema projector (11) is
 * mapped to ours.
 */
const toBt709: Readonly<Record<number, Matrix>> = {
  1: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  5: [1.044043, -0.044043, 0, 0, 1, 0, 0, 0.011793, 0.988207],
  6: [0.939542, 0.050181, 0.010277, 0.017772, 0.965793, 0.016435, -0.001622, -0.00437, 1.005991],
  7: [0.939542, 0.050181, 0.010277, 0.017772, 0.965793, 0.016435, -0.001622, -0.00437, 1.005991],
  9: [1.660491, -0.587641, -0.07285, -0.12455, 1.1329, -0.00835, -0.018151, -0.100579, 1.11873],
  11: [1.22494, -0.22494, 0, -0.042057, 1.042057, 0, -0.019638, -0.078636, 1.098274],
  12: [1.22494, -0.22494, 0, -0.042057, 1.042057, 0, -0.019638, -0.078636, 1.098274],
}

/**
 * Sample 0..1 → linear light, 1 = white. ITU-T H.273, table 3; PQ and HLG as in ITU-R BT.2100-2, with the white of
 * ITU-R BT.2408 (203 cd/m², HLG 0.75). HLG values are scene light here; `showHlg` converts them to display light.
 */
const toLinear: Readonly<Record<number, (sample: number) => number>> = {
  1: fromBt709,
  6: fromBt709,
  14: fromBt709,
  15: fromBt709,
  4: (sample) => sample ** 2.2,
  5: (sample) => sample ** 2.8,
  8: (sample) => sample,
  13: (sample) => (sample <= 0.04045 ? sample / 12.92 : ((sample + 0.055) / 1.055) ** 2.4),
  [pq]: (sample) => {
    const power = sample ** (32 / 2523)
    return (
      (10_000 / referenceWhite) *
      (Math.max(power - 3424 / 4096, 0) / (2413 / 128 - (2392 / 128) * power)) ** (16_384 / 2610)
    )
  },
  [hlg]: (sample) =>
    sample <= 0.5 ? sample ** 2 / 3 : (Math.exp((sample - 0.55991073) / 0.17883277) + 0.28466892) / 12,
}

/** cd/m² */
const referenceWhite = 203
const hlgPeak = 1_000

/**
 * @param sampleMax full-range white: 255, or the maximum of sixteen bits
 * @returns undefined if no conversion is needed
 * @throws AlikeError `image_format_unsupported` for unknown code points
 */
export function conversionOf(
  { primaries, transfer, fullRange }: CodedColour,
  sampleMax = 255,
): ColourConversion | undefined {
  const [from, curve] = [
    primaries === unspecified ? srgb.primaries : primaries,
    transfer === unspecified ? srgb.transfer : transfer,
  ]
  if (from === srgb.primaries && curve === srgb.transfer && fullRange) return undefined
  const [matrix, linear] = [toBt709[from], toLinear[curve]]
  if (matrix === undefined || linear === undefined) {
    throw new AlikeError('image_format_unsupported', {
      detail: `Its colour (CICP primaries ${primaries}, transfer ${transfer}) is not supported; sRGB always is.`,
    })
  }
  const tables = { linear: tableOf(linear, fullRange, sampleMax), encoded: srgbTable() }
  return { bits: sampleMax === 255 ? 8 : 16, toSrgb: (samples) => convert(samples, matrix, tables, curve) }
}

interface Tables {
  /** For every sample value. */
  linear: Float64Array
  /** For `tableMax` + 1 light levels. */
  encoded: Uint8Array
}

function convert(
  samples: Uint8Array | Uint16Array,
  matrix: Matrix,
  { linear, encoded }: Tables,
  transfer: number,
): Uint8Array {
  const rgb = samples instanceof Uint8Array ? samples : new Uint8Array(samples.length)
  const isHdr = transfer === pq || transfer === hlg
  const [rr, rg, rb, gr, gg, gb, br, bg, bb] = matrix
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [linear[samples[i]!]!, linear[samples[i + 1]!]!, linear[samples[i + 2]!]!]
    const red = Math.max(0, rr * r + rg * g + rb * b)
    const green = Math.max(0, gr * r + gg * g + gb * b)
    const blue = Math.max(0, br * r + bg * g + bb * b)
    let gain = transfer === hlg ? showHlg(red, green, blue) : 1
    // the same gain for all three channels, so that a bright colour keeps its hue
    if (isHdr) gain *= shoulder(gain * Math.max(red, green, blue))
    rgb[i] = encoded[Math.min(tableMax, Math.round(red * gain * tableMax))]!
    rgb[i + 1] = encoded[Math.min(tableMax, Math.round(green * gain * tableMax))]!
    rgb[i + 2] = encoded[Math.min(tableMax, Math.round(blue * gain * tableMax))]!
  }
  return rgb
}

/**
 * The OOTF of ITU-R BT.2100 for a display of 1,000 cd/m²: γ = 1.2 on the luminance.
 * @returns a factor; 1 = reference white
 */
function showHlg(red: number, green: number, blue: number): number {
  return (hlgPeak / referenceWhite) * (0.2126 * red + 0.7152 * green + 0.0722 * blue) ** 0.2
}

/**
 * Start of the roll-off that limits light to 1. Darker light, and so most of a picture without highlights, is
 * unchanged.
 */
const knee = 0.9

/** @returns the factor for light whose strongest channel is `peak` */
function shoulder(peak: number): number {
  if (peak <= knee) return 1
  return (1 - (1 - knee) * Math.exp((knee - peak) / (1 - knee))) / peak
}

function fromBt709(sample: number): number {
  return sample < 4.5 * 0.018053968510807
    ? sample / 4.5
    : ((sample + 0.09929682680944) / 1.09929682680944) ** (1 / 0.45)
}

function tableOf(linear: (sample: number) => number, fullRange: boolean, sampleMax: number): Float64Array {
  const [values, step] = sampleMax === 255 ? [256, 1] : [65_536, 256]
  return Float64Array.from({ length: values }, (_, i) =>
    linear(Math.min(Math.max(fullRange ? i / sampleMax : (i - 16 * step) / (219 * step), 0), 1)),
  )
}

/** Fine enough to reach every one of the 256 values, including the dark ones. */
const tableMax = 16_383

/** Linear light levels → IEC 61966-2-1, 0..255. */
function srgbTable(): Uint8Array {
  return Uint8Array.from({ length: tableMax + 1 }, (_, i) => {
    const light = i / tableMax
    return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055))
  })
}
