/**
 * Checks the scans of a JPEG: whether they are all there, if the end marker is missing (a progressive picture cut off
 * between two scans is a coarse one, about which the decoder does not complain), and whether they are too many.
 */

/** ITU-T T.81, table B.1: frames are 0xc0 to 0xcf, except tables (0xc4, 0xcc) and the reserved 0xc8; T.87 adds 0xf7. */
const startOfScan = 0xda
const endOfImage = 0xd9
const scanMarker = Uint8Array.of(0xff, startOfScan)
const sequential: readonly (number | undefined)[] = [0xc0, 0xc1, 0xc9]
const isFrame = (code: number): boolean =>
  code === 0xf7 || (code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code))
/** No length follows them: restarts, and the temporary one. */
export const isBare = (code: number): boolean => code === 0x01 || (code >= 0xd0 && code <= 0xd7)

const coefficients = 64
/** Encoders write about a dozen. Each goes over all pixels, even if it has only a dozen bytes. */
export const scansMax = 100
/** At most one byte in this many may be 0xff; compressed data has one in 256. More would make the search slow. */
const markersPerBytes = 16
/** For short data. */
const markersAtLeast = 1_000
/** No bit of the coefficient has arrived yet. */
const nothing = 255

export function frameOf(segments: readonly Buffer[]): Buffer | undefined {
  return segments.find((segment) => isFrame(segment[1]!))
}

/**
 * @param segments of the header; the last one is the first scan's
 * @param data from there to the end of the file
 * @returns true if it cannot be determined; false if there is more to examine than any encoder writes
 */
export function hasAllScans(segments: readonly Buffer[], data: Buffer): boolean {
  const frame = frameOf(segments)
  const first = segments.at(-1)
  if (frame === undefined || first?.[1] !== startOfScan) return true
  // per component: the lowest bit received for each coefficient
  const lowest = new Map(componentsOf(frame).map((id) => [id, new Uint8Array(coefficients).fill(nothing)]))
  take(first, lowest)
  let scans = 0
  for (const scan of scansIn(data)) {
    if (scan === undefined || ++scans > scansMax) return false
    take(scan, lowest)
  }
  return [...lowest.values()].every((bits) => bits.every((bit) => bit === 0))
}

/**
 * @param segments as above
 * @param data as above
 * @returns true also if there may be too many, and more to examine than any encoder writes
 */
export function hasTooManyScans(segments: readonly Buffer[], data: Buffer): boolean {
  const frame = frameOf(segments)
  const first = segments.at(-1)
  if (frame === undefined || first?.[1] !== startOfScan) return false
  // the decoder stops after a scan of all components
  if (sequential.includes(frame[1]) && first[4] === frame[9]) return false
  // restart markers may come after every block; these two bytes are hardly ever there without a scan
  if (!hasMany(scanMarker, data)) return false
  let scans = 1
  for (const scan of scansIn(data)) if (scan === undefined || ++scans > scansMax) return true
  return false
}

function hasMany(marker: Uint8Array, data: Buffer): boolean {
  let at = data.indexOf(marker)
  for (let found = 1; at >= 0 && found < scansMax; found++) at = data.indexOf(marker, at + 2)
  return at >= 0
}

/** From a frame's segment (T.81, B.2.2). */
function componentsOf(frame: Buffer): number[] {
  const count = frame.length > 9 ? frame[9]! : 0
  return Array.from({ length: count }, (_, i) => frame[10 + 3 * i]).filter((id) => id !== undefined)
}

/** From a scan's segment (T.81, B.2.3): which coefficients of which components it holds, down to which bit. */
function take(scan: Buffer, lowest: Map<number, Uint8Array>): void {
  const count = scan[4] ?? 0
  const at = 5 + 2 * count
  const [start = 0, end = 0, approximation = 0] = scan.subarray(at, at + 3)
  for (let i = 0; i < count; i++)
    lowest.get(scan[5 + 2 * i] ?? -1)?.fill(approximation & 15, start, Math.min(end, coefficients - 1) + 1)
}

/**
 * The headers of the following scans, up to the end marker; undefined if continuing would take too long. A scan without
 * data does not count.
 */
function* scansIn(data: Buffer): Generator<Buffer | undefined> {
  let markersLeft = markersAtLeast + data.length / markersPerBytes
  for (let at = data.indexOf(0xff); at >= 0 && at + 4 <= data.length; ) {
    if (--markersLeft < 0) return yield undefined
    const code = data[at + 1]!
    if (code === endOfImage) return
    if (code === 0 || code === 0xff || isBare(code)) {
      at = data.indexOf(0xff, at + (code === 0xff ? 1 : 2))
      continue
    }
    const end = at + 2 + data.readUInt16BE(at + 2)
    if (code === startOfScan && end < data.length) yield data.subarray(at, end)
    at = data.indexOf(0xff, end)
  }
}
