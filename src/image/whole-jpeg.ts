/**
 * Repairs what every viewer tolerates although the JPEG decoder complains, so that any remaining complaint means
 * damage: a missing end marker, stray bytes between header segments, and meaningless header fields.
 */

import { AlikeError } from '../errors.js'
import { frameOf, hasAllScans, hasTooManyScans, isBare, scansMax } from './jpeg-scans.js'

/** ITU-T T.81, table B.1. */
const marker = {
  baseline: 0xc0,
  sequential: 0xc1,
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
  app0: 0xe0,
} as const
const endOfImage = Uint8Array.of(0xff, marker.endOfImage)

export interface WholeJpeg {
  /** The given bytes themselves if nothing needs repair. */
  bytes: Buffer
  /** Whether an end marker follows the header; anything after it is ignored. */
  ended: boolean
  /** There is no end marker, and scans are missing too. */
  lacksScans: boolean
}

/**
 * Examines the header, counts the scans and searches backwards for the end marker; the rest is left to the decoder.
 * @throws AlikeError `image_format_unsupported` if it is coded in a way that is not read, or has too many scans or segments;
 * `image_unreadable` for too many stray bytes
 */
export function wholeJpeg(file: Buffer): WholeJpeg {
  const { segments, scansAt, mended } = header(file)
  expectReadable(segments)
  const data = file.subarray(scansAt)
  if (hasTooManyScans(segments, data))
    throw new AlikeError('image_format_unsupported', {
      detail: `It is a JPEG of more than ${scansMax} scans; encoders write about a dozen.`,
    })
  // a thumbnail in the header has its own end marker
  const ended = data.lastIndexOf(endOfImage) >= 0
  if (ended && !mended) return { bytes: file, ended, lacksScans: false }
  const parts = [...segments, data]
  return {
    bytes: Buffer.concat(ended ? parts : [...parts, endOfImage]),
    ended,
    lacksScans: !ended && !hasAllScans(segments, data),
  }
}

/** By their frame marker. The decoder accepts lossless ones, but not at the reduced size that is requested of it. */
const unreadable: Readonly<Record<number, string>> = {
  195: 'lossless',
  197: 'hierarchical',
  198: 'hierarchical',
  199: 'hierarchical',
  203: 'lossless',
  205: 'hierarchical',
  206: 'hierarchical',
  207: 'hierarchical',
  247: 'lossless (JPEG-LS)',
}

function expectReadable(segments: readonly Buffer[]): void {
  const frame = frameOf(segments)
  if (frame === undefined || frame.length < 5) return
  const coding = unreadable[frame[1]!]
  const bits = frame[4]
  if (coding === undefined && bits === 8) return
  throw new AlikeError('image_format_unsupported', {
    detail:
      `It is a JPEG that is ${coding ?? `coded with ${bits} bits per sample`}; ` +
      'baseline and progressive ones with 8 bits are supported.',
  })
}

interface Header {
  segments: Buffer[]
  /** After the header of the first scan, or where parsing the file had to stop. */
  scansAt: number
  /** Whether the segments differ from the file. */
  mended: boolean
}

/** Bounds of a header, so that examining it takes milliseconds. */
const segmentsMax = 4_096
const strayBytesMax = 65_536

/**
 * Never reads past the end of the file.
 * @throws AlikeError `image_format_unsupported` or `image_unreadable` if it is beyond these bounds: what follows would be
 * unknown
 */
function header(file: Buffer): Header {
  const segments: Buffer[] = []
  let mended = false
  let isSequential = false
  let at = 0
  for (;;) {
    const found = markerFrom(file, at)
    if (segments.length === segmentsMax)
      throw new AlikeError('image_format_unsupported', {
        detail: `It is a JPEG with more than ${segmentsMax} segments before its picture.`,
      })
    // no encoder writes that: something was overwritten
    if (found === undefined && file.length - at > strayBytesMax)
      throw new AlikeError('image_unreadable', {
        detail: `It has more than ${strayBytesMax} bytes between two segments before its picture.`,
      })
    if (found === undefined) return { segments, scansAt: at, mended }
    const code = file[found + 1]!
    const isAlone = code === marker.startOfImage || isBare(code)
    const end = isAlone ? found + 2 : found + 4 <= file.length ? found + 2 + file.readUInt16BE(found + 2) : Infinity
    if (code === marker.endOfImage || end > file.length) return { segments, scansAt: at, mended }
    const segment = file.subarray(found, end)
    const right = mend(segment, isSequential)
    segments.push(right)
    mended ||= found > at || right !== segment
    isSequential ||= code === marker.baseline || code === marker.sequential
    at = end
    if (code === marker.startOfScan) return { segments, scansAt: at, mended }
  }
}

/**
 * Fields that carry no information but are checked: the JFIF revision, and the spectral selection if everything is
 * selected.
 */
function mend(segment: Buffer, isSequential: boolean): Buffer {
  const code = segment[1]!
  let [at, right] = [0, Buffer.alloc(0)]
  if (code === marker.app0 && segment.length >= 16 && segment.toString('latin1', 4, 9) === 'JFIF\0' && segment[9] !== 2)
    [at, right] = [9, Buffer.of(1)]
  if (code === marker.startOfScan && isSequential && segment.length >= 8)
    [at, right] = [segment.length - 3, Buffer.of(0, 63, 0)]
  if (right.equals(segment.subarray(at, at + right.length))) return segment
  const copy = Buffer.from(segment)
  copy.set(right, at)
  return copy
}

/** Start of the next marker: 0xff and a byte that is neither 0 nor one of the 0xff that may pad it. */
function markerFrom(file: Buffer, from: number): number | undefined {
  const end = Math.min(file.length, from + strayBytesMax) - 1
  for (let at = file.indexOf(0xff, from); at >= 0 && at < end; at = file.indexOf(0xff, at + 1)) {
    if (file[at + 1] !== 0 && file[at + 1] !== 0xff) return at
  }
  return undefined
}
