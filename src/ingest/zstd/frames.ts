/**
 * How a Zstandard stream is made up of frames and blocks (RFC 8878, section 3.1), told from their
 * headers: so that no block is unpacked before it is there, and none whose frame asks for more
 * memory than we give.
 */

/** What the `zstd` command itself accepts without being asked to. */
const windowMaxBytes = 128 * 2 ** 20
const frameMagic = 0xfd2fb528
/** The last four bits are free. */
const skippableMagic = 0x184d2a50

export interface Piece {
  bytes: number
  /** Between frames: the stream may end in place of it. */
  endMayCome: boolean
}

/** Asks for the next piece of a stream, is given it, asks for the one after. @throws Error where it is no such stream */
export function* pieces(): Generator<Piece, never, Uint8Array> {
  for (;;) {
    const magic = numberOf(yield { bytes: 4, endMayCome: true })
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      let left = numberOf(yield more(4))
      for (; left > 0; left -= Math.min(left, 65_536)) yield more(Math.min(left, 65_536))
      continue
    }
    if (magic !== frameMagic) throw new Error('not a Zstandard frame')
    const [descriptor = 0] = yield more(1)
    yield* frameHeader(descriptor)
    yield* blocks()
    const checksumBytes = (descriptor >> 2) & 1 ? 4 : 0
    if (checksumBytes > 0) yield more(checksumBytes)
  }
}

type Pieces = Generator<Piece, void, Uint8Array>

function* frameHeader(descriptor: number): Pieces {
  const isSingleSegment = ((descriptor >> 5) & 1) === 1
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  if (dictionaryBytes > 0) throw new Error('it needs a dictionary')
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  if (!isSingleSegment) {
    const [window = 0] = yield more(1)
    const base = 2 ** (10 + (window >> 3))
    if (base + (base / 8) * (window & 7) > windowMaxBytes) throw new Error('its window is too large')
  }
  if (sizeBytes === 0) return
  const size = numberOf(yield more(sizeBytes))
  if (isSingleSegment && size > windowMaxBytes) throw new Error('its window is too large')
}

function* blocks(): Pieces {
  for (let last = false; !last; ) {
    const header = numberOf(yield more(3))
    last = (header & 1) === 1
    const type = (header >> 1) & 3
    if (type === 3) throw new Error('a block of a reserved type')
    const size = header >> 3
    // One byte is repeated so many times.
    const bytes = type === 1 ? 1 : size
    if (size > 128 * 1024) throw new Error('a block is too large')
    if (bytes > 0) yield more(bytes)
  }
}

function more(bytes: number): Piece {
  return { bytes, endMayCome: false }
}

/** Little endian. */
function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0)
}
