/** Parses the boxes of an ISO base media file (ISO/IEC 14496-12), such as an AVIF. */
import { AlikeError } from '../errors.js'

export interface Box {
  /** Four characters. */
  type: string
  /** The payload after its header. */
  content: Buffer
}

/** Maximum sibling boxes; a grid has one per tile. */
const boxesMax = 100_000

/**
 * The consecutive boxes in `bytes`.
 * @throws AlikeError `image_unreadable` if a box extends past the end, or there are too many
 */
export function* boxesIn(bytes: Buffer): Generator<Box> {
  for (let at = 0, boxes = 0; at < bytes.length; boxes++) {
    const { type, headerBytes, boxBytes } = headerAt(bytes, at)
    if (boxes === boxesMax || boxBytes < headerBytes || at + boxBytes > bytes.length) throw damagedBoxes()
    yield { type, content: bytes.subarray(at + headerBytes, at + boxBytes) }
    at += boxBytes
  }
}

export function damagedBoxes(): AlikeError {
  return new AlikeError('image_unreadable', { detail: 'The boxes of the file are not nested correctly.' })
}

/** A size of 1 means that a 64-bit size follows the type, 0 that the box extends to the end. */
function headerAt(bytes: Buffer, at: number): { type: string; headerBytes: number; boxBytes: number } {
  if (at + 8 > bytes.length) throw damagedBoxes()
  const size = bytes.readUInt32BE(at)
  const type = bytes.toString('latin1', at + 4, at + 8)
  if (size === 0) return { type, headerBytes: 8, boxBytes: bytes.length - at }
  if (size !== 1) return { type, headerBytes: 8, boxBytes: size }
  if (at + 16 > bytes.length) throw damagedBoxes()
  return { type, headerBytes: 16, boxBytes: Number(bytes.readBigUInt64BE(at + 8)) }
}
