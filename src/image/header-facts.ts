/** Facts from the header, before anything is decoded: the memory a decode takes, and the colours of its samples. */
import type { Metadata } from 'sharp'
import { AlikeError } from '../errors.js'
import { avifPixels } from './avif-sizes.js'
import { avifColour, type CodedColour, pngColour } from './coded-colour.js'
import { type ColourConversion, conversionOf, narrowed } from './colour-conversion.js'
import type { DecodeFacts } from './decode-memory.js'
import type { ImageFormat } from './formats.js'
import type { PlainHeader } from './plain-jpeg-header.js'

/** TIFF samples may hold anything, such as measurements that are not colours. */
export function expectWholeSamples({ depth }: Pick<Metadata, 'depth'>): void {
  if (depth === 'uchar' || depth === 'ushort') return
  throw new AlikeError('image_format_unsupported', {
    detail: `It is a TIFF with samples of type ${depth}; integer samples of 1 to 16 bits are supported.`,
  })
}

/** Only if it carries information; otherwise the profile applies. */
export function codedColourOf(file: Buffer, format: ImageFormat): CodedColour | undefined {
  const colour = format === 'png' ? pngColour(file) : format === 'avif' ? avifColour(file) : undefined
  return colour?.primaries === 2 && colour.transfer === 2 ? undefined : colour
}

export function conversionFor(header: Metadata, colour: CodedColour | undefined): ColourConversion | undefined {
  return colour === undefined ? conversionOfProfile(header) : conversionOf(colour, sampleMaxOf(header))
}

/** Decoded full-range white: ten or twelve bits are shifted up to sixteen. */
function sampleMaxOf({ depth, bitsPerSample = 16 }: Metadata): number {
  return depth === 'uchar' ? 255 : bitsPerSample < 16 ? (2 ** bitsPerSample - 1) << (16 - bitsPerSample) : 65_535
}

/** For a picture with sixteen bits per sample, sharp converts the profile to Display P3 instead of sRGB. */
function conversionOfProfile({ space, icc }: Metadata): ColourConversion | undefined {
  const isRgb =
    icc !== undefined && icc.toString('latin1', 36, 40) === 'acsp' && icc.toString('latin1', 16, 20) === 'RGB '
  return space === 'rgb16' && isRgb ? narrowed : undefined
}

export function factsOf(
  file: Buffer,
  format: ImageFormat,
  { width, height, channels, depth, chromaSubsampling, isProgressive, orientation = 1 }: Metadata | PlainHeader,
): DecodeFacts {
  const coded = format === 'avif' ? avifPixels(file) : 0
  return {
    format,
    width,
    height,
    pixels: Math.max(width * height, coded),
    channels,
    samples: chromaSubsampling === '4:2:0' ? 1.5 : chromaSubsampling === '4:2:2' ? 2 : channels,
    bytesPerChannel: depth === 'uchar' ? 1 : 2,
    progressive: isProgressive,
    turned: orientation > 1,
  }
}
