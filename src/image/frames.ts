/**
 * Messages on a byte stream between this process and a decoder: two lengths, a JSON header, and bytes. Cheaper than the
 * channel of `fork`, which copies and scans every byte, and the reader trusts nothing but its bounds.
 */

/** Lengths of header and body, 32 bits each, big-endian. */
const prefixBytes = 8

export interface FrameBounds {
  headerMaxBytes: number
  bodyMaxBytes: number
}

/** The chunks to write; the pieces of the body are not copied. */
export function frameOf(header: object, body: readonly Uint8Array[]): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.allocUnsafe(prefixBytes)
  prefix.writeUInt32BE(text.length, 0)
  prefix.writeUInt32BE(
    body.reduce((sum, { length }) => sum + length, 0),
    4,
  )
  return [Buffer.concat([prefix, text]), ...body]
}

export class FrameReader {
  readonly #bounds: FrameBounds
  readonly #onFrame: (header: unknown, body: Buffer<ArrayBuffer>) => void
  readonly #prefix = Buffer.alloc(prefixBytes)
  /** Header and body of the current frame, once its lengths are known. */
  #frame: Buffer<ArrayBuffer> | undefined
  /** Bytes received of the frame, or of its prefix. */
  #filled = 0

  /** @param onFrame receives a body in its own buffer */
  constructor(bounds: FrameBounds, onFrame: (header: unknown, body: Buffer<ArrayBuffer>) => void) {
    this.#bounds = bounds
    this.#onFrame = onFrame
  }

  /**
   * @throws RangeError for a frame beyond the bounds, SyntaxError for a header that is not JSON: the stream is then
   * unusable
   */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const into = this.#frame ?? this.#prefix
      const taken = chunk.copy(into, this.#filled, at)
      at += taken
      this.#filled += taken
      if (this.#filled === into.length) this.#advance()
    }
  }

  #advance(): void {
    this.#filled = 0
    const [headerBytes, bodyBytes] = [this.#prefix.readUInt32BE(0), this.#prefix.readUInt32BE(4)]
    if (this.#frame === undefined) {
      const { headerMaxBytes, bodyMaxBytes } = this.#bounds
      if (headerBytes === 0 || headerBytes > headerMaxBytes || bodyBytes > bodyMaxBytes)
        throw new RangeError(`a frame of ${headerBytes} and ${bodyBytes} bytes`)
      this.#frame = Buffer.allocUnsafeSlow(headerBytes + bodyBytes)
      return
    }
    const frame = this.#frame
    this.#frame = undefined
    this.#onFrame(JSON.parse(frame.toString('utf8', 0, headerBytes)), frame.subarray(headerBytes))
  }
}
