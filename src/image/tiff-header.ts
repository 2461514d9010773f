/**
 * Looks at the first directory of a TIFF before the decoder does: it names what the decoder cannot read, and replaces an
 * orientation that means nothing, which every viewer ignores and the decoder reports as damage.
 */
import { AlikeError } from '../errors.js'

/** TIFF 6.0; values of other types are not needed. */
const tag = { bits: 258, compression: 259, photometric: 262, orientation: 274, planar: 284, tileWidth: 322 } as const
const short = 3
const lab = 8
const separate = 2
/** Samples of other sizes are either refused by the decoder's own header, which states their type, or not whole bytes. */
const oddBits: ReadonlySet<number> = new Set([10, 12, 14])

/** Compression schemes that the decoder was built without. */
const unsupported: Readonly<Record<number, string>> = {
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50002: 'JPEG XL',
}

/** The first value of each field of 16-bit values, and where it is. */
type Shorts = Map<number, { value: number; at: number }>

/**
 * @returns the file, with an orientation that exists
 * @throws AlikeError `image_format_unsupported`
 */
export function readableTiff(file: Buffer): Buffer {
  const isLittle = file[0] === 0x49
  const shorts = shortsOf(file, isLittle)
  expectReadable(shorts)
  const orientation = shorts.get(tag.orientation)
  if (orientation === undefined || (orientation.value >= 1 && orientation.value <= 8)) return file
  const mended = Buffer.from(file)
  mended.set(isLittle ? [1, 0] : [0, 1], orientation.at)
  return mended
}

function expectReadable(shorts: Shorts): void {
  const value = (wanted: number) => shorts.get(wanted)?.value ?? 0
  const bits = value(tag.bits)
  const compression = unsupported[value(tag.compression)]
  const reason =
    compression !== undefined
      ? `compressed with ${compression}; none, LZW, Deflate, PackBits, fax, JPEG and WebP are supported.`
      : value(tag.photometric) === lab
        ? 'in Lab; greyscale, RGB, palettes and CMYK are supported.'
        : oddBits.has(bits)
          ? `with ${bits} bits per sample; 1, 2, 4, 8 and 16 are supported.`
          : value(tag.planar) === separate && shorts.has(tag.tileWidth)
            ? 'with separate planes in tiles; in strips they are supported.'
            : undefined
  if (reason !== undefined) throw new AlikeError('image_format_unsupported', { detail: `It is a TIFF ${reason}` })
}

/** Of the first directory; none if the file ends before it does, which the decoder reports. */
function shortsOf(file: Buffer, isLittle: boolean): Shorts {
  const read = (at: number, bytes: 2 | 4) => (isLittle ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes))
  const readLong = (at: number) => Number(isLittle ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at))
  const shorts: Shorts = new Map()
  try {
    const isBig = read(2, 2) === 43
    const directory = isBig ? readLong(8) : read(4, 4)
    const [entries, from, entryBytes] = isBig
      ? [readLong(directory), directory + 8, 20]
      : [read(directory, 2), directory + 2, 12]
    const valueBytes = isBig ? 8 : 4
    for (let i = 0, at = from; i < Math.min(entries, entriesMax); i++, at += entryBytes) {
      if (read(at + 2, 2) !== short) continue
      const count = isBig ? readLong(at + 4) : read(at + 4, 4)
      const inline = at + entryBytes - valueBytes
      const valueAt = 2 * count <= valueBytes ? inline : isBig ? readLong(inline) : read(inline, 4)
      shorts.set(read(at, 2), { value: read(valueAt, 2), at: valueAt })
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return shorts
}

const entriesMax = 65_535
