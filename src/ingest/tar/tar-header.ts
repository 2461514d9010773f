/** One header block of a tar archive: v7, ustar and GNU place the same fields at the same offsets. */

export const blockBytes = 512

export interface TarHeader {
  /** As written, in any encoding. */
  name: Buffer
  linkName: Buffer
  /** One character, as defined by POSIX and GNU; a file is `0`. */
  type: string
  size: number
  block: Buffer
}

const ustar = Buffer.from('ustar\0')

/** @throws Error if the block is not a header */
export function readHeader(block: Buffer): TarHeader {
  if (!isHeader(block)) throw new Error('a tar header whose checksum does not fit')
  const magic = block.subarray(257, 263)
  const name = text(block, 0, 100)
  const prefix = magic.equals(ustar) ? text(block, 345, 155) : Buffer.alloc(0)
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    linkName: text(block, 157, 100),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156]!),
    size: numberIn(block, 124, 12),
    block,
  }
}

/**
 * Octal digits, or with GNU base 256 if the first bit is set.
 * @throws Error if it is neither, negative, or too large
 */
export function numberIn(block: Buffer, at: number, length: number): number {
  const field = block.subarray(at, at + length)
  if ((field[0]! & 0x80) !== 0) {
    const value = BigInt(`0x${field.toString('hex')}`) - (1n << BigInt(8 * length - 1))
    if (field[0] !== 0x80 || value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new Error('a number in a tar header is too large')
    return Number(value)
  }
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim()
  if (!/^[0-7]*$/.test(digits)) throw new Error('a number in a tar header is none')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

/** Recognised by its checksum, in which its own field counts as spaces. Some old packers summed signed bytes. */
export function isHeader(block: Buffer): boolean {
  let [unsigned, signed] = [0, 0]
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const stated = Number.parseInt(block.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim(), 8)
  return stated === unsigned || stated === signed
}

function text(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length)
  const end = field.indexOf(0)
  return end === -1 ? field : field.subarray(0, end)
}
