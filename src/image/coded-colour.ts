/**
 * The colour that a picture states as code points (ITU-T H.273, "CICP") and not as an ICC profile: the chunk `cICP` of a
 * PNG; of an AVIF the property `colr` of type `nclx`, or without one what its AV1 data says. Lengths in the file are
 * followed no further than the file.
 */
import { crc32 } from 'node:zlib'
import { av1Colour } from './av1-colour.js'
import { firstExtents, idsOfType } from './avif-sizes.js'
import { type Box, boxesIn, damagedBoxes } from './iso-boxes.js'
import { type PrimaryItem, primaryItem } from './primary-item.js'

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
 * @throws AlikeError `image_unreadable` when the file cannot be understood so far
 */
export function avifColour(file: Buffer): CodedColour | undefined {
  const item = primaryItem(file)
  if (item === undefined || hasProfile(item)) return undefined
  try {
    const stated = codedBox(item) ?? av1Colour(dataOf(item, file))
    return stated && { ...stated, fullRange: true }
  } catch (error) {
    if (error instanceof RangeError) throw damagedBoxes() // read over the end of a box
    throw error
  }
}

/** The same of a HEIC, which states it in its boxes alone. */
export function heicColour(file: Buffer): CodedColour | undefined {
  const item = primaryItem(file)
  const stated = item === undefined || hasProfile(item) ? undefined : codedBox(item)
  return stated && { ...stated, fullRange: true }
}

function hasProfile({ properties }: PrimaryItem): boolean {
  return coloursOf(properties).some(({ kind }) => kind === 'prof' || kind === 'rICC')
}

function codedBox({ properties }: PrimaryItem): Pick<CodedColour, 'primaries' | 'transfer'> | undefined {
  const coded = coloursOf(properties).find(({ kind, content }) => kind === 'nclx' && content.length >= 8)?.content
  return coded && { primaries: coded.readUInt16BE(4), transfer: coded.readUInt16BE(6) }
}

function coloursOf(properties: readonly Box[]): { kind: string; content: Buffer }[] {
  return properties
    .filter(({ type }) => type === 'colr')
    .map(({ content }) => ({ kind: content.toString('latin1', 0, 4), content }))
}

/** AV1 data of a picture, of a grid that of its first tile; empty where there is none. */
function dataOf({ meta, id }: PrimaryItem, file: Buffer): Buffer {
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
