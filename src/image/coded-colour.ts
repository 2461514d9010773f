/**
 * The colour that a picture states as code points (ITU-T H.273, "CICP") and not as an ICC profile: the chunk `cICP` of a
 * PNG; of an AVIF the property `colr` of type `nclx`, or without one what its AV1 data says. Lengths in the file are
 * followed no further than the file.
 */
import { crc32 } from 'node:zlib'
import { av1Colour } from './av1-colour.js'
import { firstExtents, idsOfType } from './avif-sizes.js'
import { type Box, boxesIn, damagedBoxes } from './iso-boxes.js'

export interface CodedColour {
  /** Of table 2, "ColourPrimaries". */
  primaries: number
  /** Of table 3, "TransferCharacteristics". */
  transfer: number
  /** Whether black is 0 and white 255 once it is decoded; otherwise 16 and 235. */
  fullRange: boolean
}

const pngSignatureBytes = 8
/** Looked at before the picture data; real files have a few dozen at most. */
const chunksMax = 4_096

/** PNG, third edition, 11.3.2.6: before the picture data, and stronger than a profile. One with a wrong checksum does not count. */
export function pngColour(file: Buffer): CodedColour | undefined {
  for (let at = pngSignatureBytes, chunks = 0; at + 12 <= file.length && chunks < chunksMax; chunks++) {
    const length = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    const end = at + 8 + length
    if (type === 'IDAT' || end + 4 > file.length) return undefined
    if (type === 'cICP' && length === 4 && crc32(file.subarray(at + 4, end)) === file.readUInt32BE(end)) {
      return { primaries: file[at + 8]!, transfer: file[at + 9]!, fullRange: file[at + 11] !== 0 }
    }
    at = end + 4
  }
  return undefined
}

/**
 * Of the picture that is shown; undefined when it has a profile, which is stronger. The decoder has made full range of it.
 * @throws AlikeError `image_unreadable` when the file can not be understood so far
 */
export function avifColour(file: Buffer): CodedColour | undefined {
  try {
    for (const { type, content } of boxesIn(file)) {
      // its first four bytes are version and flags
      if (type === 'meta') return colourIn([...boxesIn(content.subarray(4))], file)
    }
    return undefined
  } catch (error) {
    if (error instanceof RangeError) throw damagedBoxes() // read over the end of a box
    throw error
  }
}

function colourIn(meta: Box[], file: Buffer): CodedColour | undefined {
  const primary = meta.find(({ type }) => type === 'pitm')?.content
  const properties = meta.find(({ type }) => type === 'iprp')?.content
  if (primary === undefined || properties === undefined) return undefined
  const id = primary.readUInt8(0) === 0 ? primary.readUInt16BE(4) : primary.readUInt32BE(4)
  const boxes = [...boxesIn(properties)]
  const all = boxes.filter(({ type }) => type === 'ipco').flatMap(({ content }) => [...boxesIn(content)])
  const ownIndices = boxes.filter(({ type }) => type === 'ipma').flatMap(({ content }) => propertiesOf(content, id))
  const own = ownIndices.flatMap((index) => all[index - 1] ?? []).filter(({ type }) => type === 'colr')
  const kinds = own.map(({ content }) => content.toString('latin1', 0, 4))
  if (kinds.includes('prof') || kinds.includes('rICC')) return undefined
  const coded = own[kinds.indexOf('nclx')]?.content
  if (coded !== undefined) return { primaries: coded.readUInt16BE(4), transfer: coded.readUInt16BE(6), fullRange: true }
  const stated = av1Colour(dataOf(meta, file, id))
  return stated && { ...stated, fullRange: true }
}

/** AV1 data of a picture, of a grid that of its first tile; empty where there is none. */
function dataOf(meta: Box[], file: Buffer, id: number): Buffer {
  const contentOf = (type: string) => meta.find((box) => box.type === type)?.content
  const [items, locations, references] = [contentOf('iinf'), contentOf('iloc'), contentOf('iref')]
  if (items === undefined || locations === undefined) return Buffer.alloc(0)
  const isGrid = [...idsOfType(items, 'grid')].includes(id)
  const coded = isGrid && references !== undefined ? firstTile(references, id) : id
  const extent = coded === undefined ? undefined : firstExtents(locations).get(coded)
  const within = extent?.from === 1 ? contentOf('idat') : file
  return extent === undefined || extent.from > 1 || within === undefined
    ? Buffer.alloc(0)
    : within.subarray(extent.offset)
}

/** Of an `iref` box (ISO/IEC 14496-12, 8.11.12). */
function firstTile(references: Buffer, grid: number): number | undefined {
  const idBytes = references.readUInt8(0) === 0 ? 2 : 4
  for (const { type, content } of boxesIn(references.subarray(4))) {
    const from = content.readUIntBE(0, idBytes)
    if (type === 'dimg' && from === grid && content.readUInt16BE(idBytes) > 0)
      return content.readUIntBE(idBytes + 2, idBytes)
  }
  return undefined
}

/** Of an `ipma` box (ISO/IEC 23008-12, 9.3): the indices, from 1 on, of what is said of an item. */
function propertiesOf(associations: Buffer, wanted: number): number[] {
  const [version, isWide] = [associations.readUInt8(0), (associations.readUInt8(3) & 1) === 1]
  const [idBytes, indexBytes] = [version === 0 ? 2 : 4, isWide ? 2 : 1]
  let at = 8
  for (let left = associations.readUInt32BE(4); left > 0; left--) {
    const id = associations.readUIntBE(at, idBytes)
    const count = associations.readUInt8(at + idBytes)
    at += idBytes + 1
    // the highest bit says whether a reader has to know it
    if (id === wanted)
      return Array.from(
        { length: count },
        (_, i) => associations.readUIntBE(at + i * indexBytes, indexBytes) & (isWide ? 0x7fff : 0x7f),
      )
    at += count * indexBytes
  }
  return []
}
