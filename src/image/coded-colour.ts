/**
 * The colour that a picture states as code points (ITU-T H.273, "CICP") instead of an ICC profile: the chunk `cICP` of
 * a PNG; in an AVIF the property `colr` of type `nclx`, or else the AV1 data itself. Lengths stated in the file are
 * never followed past its end.
 */
import { crc32 } from 'node:zlib'
import { av1Colour } from './av1-colour.js'
import { firstExtents, idsOfType } from './avif-sizes.js'
import { type Box, boxesIn, damagedBoxes } from './iso-boxes.js'
import { type PrimaryItem, primaryItem } from './primary-item.js'

export interface CodedColour {
  /** From table 2, "ColourPrimaries". */
  primaries: number
  /** From table 3, "TransferCharacteristics". */
  transfer: number
  /** Whether decoded black is 0 and white 255; otherwise 16 and 235. */
  fullRange: boolean
}

const pngSignatureBytes = 8
/** Chunks examined before the picture data; real files have a few dozen at most. */
const chunksMax = 4_096

/**
 * PNG, third edition, 11.3.2.6: precedes the picture data and overrides a profile. A chunk with a wrong checksum is
 * ignored.
 */
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
 * For the displayed picture; undefined if it has a profile, which takes precedence. The decoder has already converted
 * to full range.
 * @throws AlikeError `image_unreadable` if the file cannot be parsed this far
 */
export function avifColour(file: Buffer): CodedColour | undefined {
  const item = primaryItem(file)
  if (item === undefined || hasProfile(item)) return undefined
  try {
    const stated = codedBox(item) ?? av1Colour(dataOf(item, file))
    return stated && { ...stated, fullRange: true }
  } catch (error) {
    if (error instanceof RangeError) throw damagedBoxes() // read past the end of a box
    throw error
  }
}

/** The same for a HEIC, which states it only in its boxes. */
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

/** AV1 data of a picture, or of the first tile of a grid; empty if there is none. */
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

/** From an `iref` box (ISO/IEC 14496-12, 8.11.12). */
function firstTile(references: Buffer, grid: number): number | undefined {
  const idBytes = references.readUInt8(0) === 0 ? 2 : 4
  for (const { type, content } of boxesIn(references.subarray(4))) {
    const from = content.readUIntBE(0, idBytes)
    if (type === 'dimg' && from === grid && content.readUInt16BE(idBytes) > 0)
      return content.readUIntBE(idBytes + 2, idBytes)
  }
  return undefined
}
