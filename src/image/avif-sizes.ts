/**
 * The size of a decoded AVIF. The picture's own size is not enough: an alpha plane and a grid of tiles have sizes of
 * their own, and the decoder allocates memory for them before it compares.
 */
import { type Box, boxesIn, boxesOfFile, damagedBoxes } from './iso-boxes.js'

export interface Extent {
  /** 0: offsets into the file; 1: into the box `idat`. */
  from: number
  offset: number
}

/** Items that a file may locate: a grid has one per tile. */
const itemsMax = 100_000
/** Distinct sizes that a file may state; real ones state a handful. */
const sizesMax = 1_000

/**
 * Total pixels over every size that the file states, each distinct size counted once; the decoder holds AV1 frames to
 * these sizes.
 * @throws AlikeError `image_unreadable` if the file cannot be parsed this far
 */
export function avifPixels(file: Buffer): number {
  try {
    const sizes = new Set<string>()
    for (const meta of boxesOfFile(file)) {
      // its first four bytes are version and flags
      if (meta.type !== 'meta') continue
      for (const size of sizesIn([...boxesIn(meta.content.subarray(4))], file)) {
        sizes.add(size)
        if (sizes.size > sizesMax) throw damagedBoxes()
      }
    }
    return [...sizes].reduce(
      (sum, size) =>
        sum +
        size
          .split('x')
          .map(Number)
          .reduce((a, b) => a * b),
      0,
    )
  } catch (error) {
    if (error instanceof RangeError) throw damagedBoxes() // read past the end of a box
    throw error
  }
}

function* sizesIn(meta: Box[], file: Buffer): Generator<string> {
  const inMeta = (type: string) => meta.filter((box) => box.type === type).map(({ content }) => content)
  for (const properties of inMeta('iprp')) {
    for (const container of boxesIn(properties)) {
      if (container.type !== 'ipco') continue
      for (const { type, content } of boxesIn(container.content))
        if (type === 'ispe') yield `${content.readUInt32BE(4)}x${content.readUInt32BE(8)}`
    }
  }
  const grids = inMeta('iinf').flatMap((items) => [...idsOfType(items, 'grid')])
  const [[locations], [data]] = [inMeta('iloc'), inMeta('idat')]
  if (grids.length === 0 || locations === undefined) return
  const extents = firstExtents(locations)
  for (const id of grids) {
    const extent = extents.get(id)
    const within = extent?.from === 1 ? data : file
    if (extent === undefined || extent.from > 1 || within === undefined) throw damagedBoxes()
    yield gridSize(within.subarray(extent.offset))
  }
}

/** ISO/IEC 23008-12, 6.6.2.3: version, flags, rows − 1, columns − 1, then width and height in 16 or 32 bits. */
function gridSize(grid: Buffer): string {
  return (grid.readUInt8(1) & 1) === 0
    ? `${grid.readUInt16BE(4)}x${grid.readUInt16BE(6)}`
    : `${grid.readUInt32BE(4)}x${grid.readUInt32BE(8)}`
}

/** Of an `iinf` box. */
export function* idsOfType(items: Buffer, wanted: string): Generator<number> {
  const entriesAt = items.readUInt8(0) === 0 ? 6 : 8
  for (const { type, content } of boxesIn(items.subarray(entriesAt))) {
    if (type !== 'infe') continue
    const version = content.readUInt8(0)
    if (version < 2) continue // has no type
    const idBytes = version === 2 ? 2 : 4
    const id = content.readUIntBE(4, idBytes)
    if (content.toString('latin1', 6 + idBytes, 10 + idBytes) === wanted) yield id
  }
}

/** From an `iloc` box (ISO/IEC 14496-12, 8.11.3): where the bytes of each item begin. */
export function firstExtents(locations: Buffer): Map<number, Extent> {
  const version = locations.readUInt8(0)
  const [sizes, baseAndIndex] = [locations.readUInt8(4), locations.readUInt8(5)]
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 4, sizes & 15, baseAndIndex >> 4]
  const indexBytes = version === 0 ? 0 : baseAndIndex & 15
  const wide = version < 2 ? 2 : 4
  let at = 6
  const read = (bytes: number): number => {
    at += bytes
    return bytes === 0
      ? 0
      : bytes === 8
        ? Number(locations.readBigUInt64BE(at - 8))
        : locations.readUIntBE(at - bytes, bytes)
  }
  const found = new Map<number, Extent>()
  const items = read(wide)
  if (items > itemsMax) throw damagedBoxes()
  for (let left = items; left > 0; left--) {
    const id = read(wide)
    const from = version === 0 ? 0 : read(2) & 15
    read(2) // the file reference: always this file
    const base = read(baseBytes)
    const extents = read(2)
    if (extents === 0) continue
    const first = at
    read(indexBytes)
    found.set(id, { from, offset: base + read(offsetBytes) })
    // not one by one: extents may have no bytes at all, and then their number costs the file nothing
    at = first + extents * (indexBytes + offsetBytes + lengthBytes)
  }
  return found
}
