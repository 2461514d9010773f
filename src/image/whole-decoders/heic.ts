/**
 * HEIC and HEIF (HEVC pictures), by libheif compiled to WebAssembly. The boxes are parsed here, the pixels are decoded
 * there.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { avifPixels } from '../avif-sizes.js'
import type { Box } from '../iso-boxes.js'
import { primaryItem } from '../primary-item.js'
import { Undecodable, type WholeHeader } from './whole-picture.js'

/** The part of libheif's interface that we use. */
interface Libheif {
  HeifDecoder: new () => { decode(file: Uint8Array): HeifImage[] }
}
interface HeifImage {
  is_primary(): boolean
  get_width(): number
  get_height(): number
  display(
    target: { data: Uint8ClampedArray; width: number; height: number },
    done: (shown: object | null) => void,
  ): void
  free(): void
}

/**
 * Of the primary picture as displayed: cropped and rotated according to its properties.
 * @throws Undecodable, AlikeError `image_unreadable`
 */
export function heicHeader(file: Buffer): WholeHeader {
  const properties = primaryItem(file)?.properties ?? []
  const extents = properties.find(({ type }) => type === 'ispe')?.content
  if (extents === undefined) throw new Undecodable('It does not say how large its picture is.')
  let size = { width: extents.readUInt32BE(4), height: extents.readUInt32BE(8) }
  for (const property of properties) size = transformed(size, property)
  return { ...size, pixels: Math.max(size.width * size.height, avifPixels(file)) }
}

/** ISO/IEC 23008-12, 6.5.9 and 6.5.10; in the order listed. */
function transformed(size: { width: number; height: number }, { type, content }: Box) {
  if (type === 'irot' && (content.readUInt8(0) & 1) === 1) return { width: size.height, height: size.width }
  if (type !== 'clap') return size
  const [width, perWidth, height, perHeight] = [0, 4, 8, 12].map((at) => content.readUInt32BE(at)) as [
    number,
    number,
    number,
    number,
  ]
  return { width: Math.round(width / perWidth), height: Math.round(height / perHeight) }
}

/** The profile of the displayed picture, if it has one. */
export function heicProfile(file: Buffer): Buffer | undefined {
  const colour = primaryItem(file)?.properties.find(
    ({ type, content }) => type === 'colr' && ['prof', 'rICC'].includes(content.toString('latin1', 0, 4)),
  )
  return colour?.content.subarray(4)
}

export async function decodeHeic(file: Buffer, { width, height }: WholeHeader, pixels: Uint8Array): Promise<void> {
  const { HeifDecoder } = await libheif()
  const image = new HeifDecoder().decode(file).find((one) => one.is_primary())
  if (image === undefined) throw new Undecodable('It has no picture that can be decoded.')
  if (image.get_width() !== width || image.get_height() !== height)
    throw new Undecodable('Its picture has another size than its header says.')
  const data = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length)
  const shown = await new Promise((resolve) => image.display({ data, width, height }, resolve))
  if (shown === null) throw new Undecodable('Its picture data is damaged.')
}

async function libheif(): Promise<Libheif> {
  const require = createRequire(import.meta.url)
  const load = require('libheif-js/libheif-wasm/libheif.js') as (options: object) => Libheif | Promise<Libheif>
  const quiet = { print: () => undefined, printErr: () => undefined }
  return load({ wasmBinary: readFileSync(require.resolve('libheif-js/libheif-wasm/libheif.wasm')), ...quiet })
}
