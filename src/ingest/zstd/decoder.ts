/** Unpacks Zstandard piece by piece: as much as one block, 128 KiB, and the window of the frame are in memory. */
import { Decompress } from 'fzstd'
import { type Piece, pieces } from './frames.js'

export class ZstdDecoder {
  readonly #pieces = pieces()
  readonly #decompress: Decompress
  #wanted: Piece
  /** Of a piece that is not complete. */
  #begun: Uint8Array[] = []
  #begunBytes = 0

  /** @param onOutput called while `push` runs */
  constructor(onOutput: (output: Uint8Array) => void) {
    this.#decompress = new Decompress((output) => onOutput(output))
    this.#wanted = this.#pieces.next().value
  }

  /**
   * Takes one piece from the front of `input`, or all of it where that does not complete one.
   * @returns the bytes taken
   * @throws Error when it is no Zstandard, or asks for too much memory
   */
  push(input: Uint8Array): number {
    const taken = Math.min(this.#wanted.bytes - this.#begunBytes, input.length)
    this.#begun.push(input.subarray(0, taken))
    this.#begunBytes += taken
    if (this.#begunBytes < this.#wanted.bytes) return taken
    const piece = Buffer.concat(this.#begun, this.#begunBytes)
    this.#begun = []
    this.#begunBytes = 0
    this.#wanted = this.#pieces.next(piece).value
    this.#decompress.push(piece)
    return taken
  }

  /** Gives out what the decoder still holds. @throws Error when the stream ends in the middle */
  end(): void {
    if (!this.#wanted.endMayCome || this.#begunBytes > 0) throw new Error('it ends in the middle of a frame')
    this.#decompress.push(new Uint8Array(), true)
  }
}
