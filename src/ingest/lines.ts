/**
 * Splits a stream into lines whose length the sender controls: never holds more of a line than its maximum in memory.
 */

const newline = 0x0a
/** Space, tab, carriage return. */
const blanks = new Set([0x20, 0x09, 0x0d])

export interface BoundedLine {
  /** Without its terminator; undefined if it is longer than the maximum. */
  line: Buffer | undefined
  /** From 1, as an editor counts: blank lines too. */
  number: number
}

/** All lines but blank ones. */
export async function* boundedLines(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<BoundedLine> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  let blank = true
  let number = 1
  const take = (piece: Uint8Array) => {
    bytes += piece.length
    blank &&= isBlank(piece)
    if (bytes <= maxBytes) pieces.push(piece)
    else pieces = []
  }
  const finish = (): Buffer | undefined => {
    const line = bytes <= maxBytes ? Buffer.concat(pieces, bytes) : undefined
    pieces = []
    bytes = 0
    blank = true
    return line
  }
  for await (const chunk of stream) {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, end))
      from = end + 1
      const isLine = !blank
      const line = finish()
      if (isLine) yield { line, number }
      number += 1
    }
    take(chunk.subarray(from))
  }
  if (!blank) yield { line: finish(), number }
}

/** Counts the lines that `boundedLines` will yield, while the chunks of the stream pass through. */
export class LineCount {
  #complete = 0
  #begun = false

  get count(): number {
    return this.#complete + (this.#begun ? 1 : 0)
  }

  add(chunk: Uint8Array): void {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      this.#begun ||= !isBlank(chunk.subarray(from, end))
      if (this.#begun) this.#complete += 1
      this.#begun = false
      from = end + 1
    }
    this.#begun ||= !isBlank(chunk.subarray(from))
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => blanks.has(byte))
}
