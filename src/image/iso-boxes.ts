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
    const box = boxAt(bytes, at)
    if (boxes === boxesMax || box.end === undefined || box.end > bytes.length) throw damagedBoxes()
    yield { type: box.type, content: bytes.subarray(box.from, box.end) }
    at = box.end
  }
}

/** Boxes of a file that its picture needs completely. */
const pictureBoxes: ReadonlySet<string> = new Set(['meta', 'mdat', 'jxlc', 'jxlp'])

/**
 * The boxes of a whole file. What follows its picture and is no box is ignored, as it is behind the end of a JPEG.
 * @throws AlikeError `image_unreadable` if the file ends before its picture does, or there are too many
 */
export function* boxesOfFile(file: Buffer): Generator<Box> {
  let described = false
  for (let at = 0, boxes = 0; at < file.length; boxes++) {
    const box = boxAt(file, at)
    if (boxes === boxesMax) throw damagedBoxes()
    if (box.end === undefined || box.end > file.length) {
      if (described && !pictureBoxes.has(box.type)) return
      throw box.end === undefined && file.length - at >= shortHeaderBytes ? damagedBoxes() : cutOff()
    }
    described ||= box.type === 'meta'
    yield { type: box.type, content: file.subarray(box.from, box.end) }
    at = box.end
  }
}

export function damagedBoxes(): AlikeError {
  return new AlikeError('image_unreadable', { detail: 'The boxes of the file are not nested correctly.' })
}

function cutOff(): AlikeError {
  return new AlikeError('image_unreadable', { detail: 'It ends before its picture does.' })
}

const shortHeaderBytes = 8

/**
 * Where a box's content begins and ends; `end` is undefined for a size that cannot be right. A size of 1 means that a
 * 64-bit size follows the type, 0 that the box extends to the end.
 */
function boxAt(bytes: Buffer, at: number): { type: string; from: number; end: number | undefined } {
  const type = bytes.toString('latin1', at + 4, at + 8)
  if (at + shortHeaderBytes > bytes.length) return { type, from: at, end: undefined }
  const size = bytes.readUInt32BE(at)
  const isLong = size === 1
  const from = at + (isLong ? 2 * shortHeaderBytes : shortHeaderBytes)
  if (from > bytes.length) return { type, from, end: undefined }
  const end = size === 0 ? bytes.length : at + (isLong ? Number(bytes.readBigUInt64BE(at + shortHeaderBytes)) : size)
  return { type, from, end: end < from ? undefined : end }
}
