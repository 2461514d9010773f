/** The properties of the displayed picture in an AVIF or HEIC (ISO/IEC 23008-12). */
import { type Box, boxesIn, boxesOfFile, damagedBoxes } from './iso-boxes.js'

export interface PrimaryItem {
  id: number
  /** Its properties, in the order of application. */
  properties: Box[]
  /** The boxes that describe all items. */
  meta: Box[]
}

/** @returns undefined if the file names none @throws AlikeError `image_unreadable` if it cannot be parsed this far */
export function primaryItem(file: Buffer): PrimaryItem | undefined {
  try {
    for (const { type, content } of boxesOfFile(file)) {
      // its first four bytes are version and flags
      if (type === 'meta') return itemIn([...boxesIn(content.subarray(4))])
    }
    return undefined
  } catch (error) {
    if (error instanceof RangeError) throw damagedBoxes() // read past the end of a box
    throw error
  }
}

function itemIn(meta: Box[]): PrimaryItem | undefined {
  const primary = meta.find(({ type }) => type === 'pitm')?.content
  const properties = meta.find(({ type }) => type === 'iprp')?.content
  if (primary === undefined || properties === undefined) return undefined
  const id = primary.readUInt8(0) === 0 ? primary.readUInt16BE(4) : primary.readUInt32BE(4)
  const boxes = [...boxesIn(properties)]
  const all = boxes.filter(({ type }) => type === 'ipco').flatMap(({ content }) => [...boxesIn(content)])
  const ownIndices = boxes.filter(({ type }) => type === 'ipma').flatMap(({ content }) => propertiesOf(content, id))
  return { id, properties: ownIndices.flatMap((index) => all[index - 1] ?? []), meta }
}

/** From an `ipma` box (ISO/IEC 23008-12, 9.3): the 1-based indices of an item's properties. */
function propertiesOf(associations: Buffer, wanted: number): number[] {
  const [version, isWide] = [associations.readUInt8(0), (associations.readUInt8(3) & 1) === 1]
  const [idBytes, indexBytes] = [version === 0 ? 2 : 4, isWide ? 2 : 1]
  let at = 8
  for (let left = associations.readUInt32BE(4); left > 0; left--) {
    const id = associations.readUIntBE(at, idBytes)
    const count = associations.readUInt8(at + idBytes)
    at += idBytes + 1
    // the highest bit marks properties that a reader must understand
    if (id === wanted)
      return Array.from(
        { length: count },
        (_, i) => associations.readUIntBE(at + i * indexBytes, indexBytes) & (isWide ? 0x7fff : 0x7f),
      )
    at += count * indexBytes
  }
  return []
}
