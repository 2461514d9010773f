/**
 * Finds the frame boundaries of a Zstandard stream from frame and block headers (RFC 8878, section 3.1). Their content
 * is left to the decoder.
 */

const frameMagic = 0xfd2fb528
/** The last four bits are arbitrary. */
const skippableMagic = 0x184d2a50
/** As many as half-terabyte files packed in parallel have; each costs a round trip to the decoder. */
const framesMax = 1_000_000
/** Parsing them takes about a millisecond; blocks may be empty, so a chunk can hold tens of thousands. */
const headersPerPart = 2_048

/** The next bytes of a stream: a header whose value is needed, or any data. */
interface Piece {
  bytes: number
  isHeader: boolean
  startsFrame: boolean
}

export class FrameCutter {
  readonly #framesMax: number
  readonly #pieces = pieces()
  #wanted: Piece = this.#pieces.next().value
  #left = this.#wanted.bytes
  /** Start of a header that was split between two chunks. */
  #begun: Uint8Array = new Uint8Array()
  #frames = 0
  #headersInPart = 0

  constructor(most = framesMax) {
    this.#framesMax = most
  }

  /**
   * Splits the chunk so that each part lies in one frame and holds few headers, to let others run between parts.
   * @throws Error if it is not such a stream, or has too many frames
   */
  *cut(chunk: Uint8Array): Generator<Uint8Array> {
    let [from, at] = [0, 0]
    while (at < chunk.length) {
      const taken = Math.min(this.#left, chunk.length - at)
      if (this.#wanted.isHeader) this.#begun = Buffer.concat([this.#begun, chunk.subarray(at, at + taken)])
      at += taken
      this.#left -= taken
      while (this.#left === 0) {
        if (!this.#turn() && this.#headersInPart < headersPerPart) continue
        this.#headersInPart = 0
        if (from < at) yield chunk.subarray(from, at)
        from = at
      }
    }
    if (from < at) yield chunk.subarray(from, at)
  }

  /** Advances to the next piece. @returns whether a frame has ended */
  #turn(): boolean {
    if (this.#wanted.isHeader) this.#headersInPart++
    this.#wanted = this.#pieces.next(this.#begun).value
    this.#left = this.#wanted.bytes
    this.#begun = new Uint8Array()
    if (this.#wanted.startsFrame && ++this.#frames >= this.#framesMax) throw new Error('it is of too many frames')
    return this.#wanted.startsFrame
  }
}

type Pieces = Generator<Piece, void, Uint8Array>

/** Requests one piece after the other, and receives the headers. */
function* pieces(): Generator<Piece, never, Uint8Array> {
  for (;;) {
    const magic = numberOf(yield { ...header(4), startsFrame: true })
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) yield body(numberOf(yield header(4)))
    else if (magic === frameMagic) yield* frame()
    else throw new Error('not a Zstandard frame')
  }
}

function* frame(): Pieces {
  const [descriptor = 0] = yield header(1)
  const isSingleSegment = ((descriptor >> 5) & 1) === 1
  const windowBytes = isSingleSegment ? 0 : 1
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  yield body(windowBytes + dictionaryBytes + sizeBytes)
  for (let isLast = false; !isLast; ) {
    const block = numberOf(yield header(3))
    isLast = (block & 1) === 1
    const isRepeated = ((block >> 1) & 3) === 1 // one byte, repeated
    yield body(isRepeated ? 1 : block >> 3)
  }
  if (((descriptor >> 2) & 1) === 1) yield body(4) // the frame's checksum
}

function header(bytes: number): Piece {
  return { bytes, isHeader: true, startsFrame: false }
}

function body(bytes: number): Piece {
  return { bytes, isHeader: false, startsFrame: false }
}

/** Little endian. */
function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0)
}
