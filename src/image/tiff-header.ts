/**
 * Looks at the first directory of a TIFF before the decoder does: it names what the decoder cannot read, and replaces an
 * orientation that means nothing, which every viewer ignores and the decoder reports as damage.
 */
import { AlikeError } from '../errors.js'

/** TIFF 6.0; sizes of the types of whole numbers, the only ones needed. */
const typeBytes: Readonly<Record<number, 2 | 4>> = { 3: 2, 4: 4 }
const tag = { bits: 258, compression: 259, photometric: 262, orientation: 274, planar: 284, tileWidth: 322 } as const
const lab = 8
const separate = 2
/** Samples of other sizes are either refused by the decoder's own header, which states their type, or not whole bytes. */
const oddBits: ReadonlySet<number> = new Set([10, 12, 14])

/** A directory of a BigTIFF could claim more. */
const entriesMax = 65_535

/** Compression schemes that the decoder was built without. */
const unsupported: Readonly<Record<number, string>> = {
  34712: 'JPEG 2000',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50002: 'JPEG XL',
}

/** The first value of each field of whole numbers, and where it is. */
type Fields = Map<number, { value: number; at: number; bytes: 2 | 4 }>

/**
 * @returns the file, with an orientation that exists
 * @throws AlikeError `image_format_unsupported`
 */
export function readableTiff(file: Buffer): Buffer {
  const isLittle = file[0] === 0x49
  const fields = fieldsOf(file, isLittle)
  expectReadable(fields)
  const orientation = fields.get(tag.orientation)
  if (orientation === undefined || (orientation.value >= 1 && orientation.value <= 8)) return file
  const mended = Buffer.from(file)
  if (isLittle) mended.writeUIntLE(1, orientation.at, orientation.bytes)
  else mended.writeUIntBE(1, orientation.at, orientation.bytes)
  return mended
}

function expectReadable(fields: Fields): void {
  const reason = whyUnreadable(fields)
  if (reason !== undefined) throw new AlikeError('image_format_unsupported', { detail: `It is a TIFF ${reason}` })
}

function whyUnreadable(fields: Fields): string | undefined {
  const value = (wanted: number) => fields.get(wanted)?.value ?? 0
  const bits = value(tag.bits)
  const compression = unsupported[value(tag.compression)]
  if (compression !== undefined)
    return `compressed with ${compression}; none, LZW, Deflate, PackBits, fax, JPEG and WebP are supported.`
  if (value(tag.photometric) === lab) return 'in Lab; greyscale, RGB, palettes and CMYK are supported.'
  if (oddBits.has(bits)) return `with ${bits} bits per sample; 1, 2, 4, 8 and 16 are supported.`
  if (value(tag.planar) === separate && fields.has(tag.tileWidth))
    return 'with separate planes in tiles; in strips they are supported.'
  return undefined
}

/** Of the first directory; those before its end if the file ends first, which the decoder reports. */
function fieldsOf(file: Buffer, isLittle: boolean): Fields {
  const read = (at: number, bytes: 2 | 4) => (isLittle ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes))
  const readLong = (at: number) => Number(isLittle ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at))
  const fields: Fields = new Map()
  try {
    const isBig = read(2, 2) === 43
    const directory = isBig ? readLong(8) : read(4, 4)
    const [entries, from, entryBytes, valueBytes] = isBig
      ? [readLong(directory), directory + 8, 20, 8]
      : [read(directory, 2), directory + 2, 12, 4]
    for (let i = 0, at = from; i < Math.min(entries, entriesMax); i++, at += entryBytes) {
      const bytes = typeBytes[read(at + 2, 2)]
      if (bytes === undefined) continue
      const count = isBig ? readLong(at + 4) : read(at + 4, 4)
      const inline = at + entryBytes - valueBytes
      const valueAt = bytes * count <= valueBytes ? inline : isBig ? readLong(inline) : read(inline, 4)
      fields.set(read(at, 2), { value: read(valueAt, bytes), at: valueAt, bytes })
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return fields
}
