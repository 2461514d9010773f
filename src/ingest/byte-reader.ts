/** Reads exact amounts from a stream with chunks of any size; copies only what is requested. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** @returns fewer bytes only if the stream ends first */
  async take(bytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    for (let left = bytes; left > 0; ) {
      const piece = await this.next(left)
      if (piece === undefined) break
      pieces.push(piece)
      left -= piece.length
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
  }

  /** The next bytes without copying, at most `maxBytes`; undefined at the end. */
  async next(maxBytes: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done === true) return undefined
      this.#rest = value
    }
    const piece = this.#rest.subarray(0, maxBytes)
    this.#rest = this.#rest.subarray(piece.length)
    return Buffer.from(piece.buffer, piece.byteOffset, piece.length)
  }

  /** Pushes back the end of what was read last. */
  unread(bytes: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([bytes, this.#rest])
  }

  /** Ends the source at any position. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
