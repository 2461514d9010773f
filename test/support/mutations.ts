/** Damages bytes like a fuzzer, reproducibly. */

type Random = () => number

const below = (random: Random, bound: number): number => Math.floor(random() * bound)

/** Typical wrong values of length fields. */
const lengths = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

interface Damage {
  /** Several bits at random positions. */
  bits: (bytes: Buffer, random: Random) => Buffer
  /** The first bytes, where formats store sizes and types. */
  header: (bytes: Buffer, random: Random) => Buffer
  /** An integer of 1, 2 or 4 bytes, in either byte order. */
  length: (bytes: Buffer, random: Random) => Buffer
  truncated: (bytes: Buffer, random: Random) => Buffer
  /** A piece from another position, or from another input. */
  splice: (bytes: Buffer, random: Random, other: Buffer) => Buffer
  removed: (bytes: Buffer, random: Random) => Buffer
  repeated: (bytes: Buffer, random: Random) => Buffer
}

const damages: Damage = {
  bits(bytes, random) {
    const damaged = Buffer.from(bytes)
    for (let i = 1 + below(random, 16); i > 0; i--) damaged[below(random, damaged.length)]! ^= 1 << below(random, 8)
    return damaged
  },
  header(bytes, random) {
    const damaged = Buffer.from(bytes)
    const end = Math.min(damaged.length, 128)
    for (let i = 1 + below(random, 6); i > 0; i--) damaged[below(random, end)] = below(random, 256)
    return damaged
  },
  length(bytes, random) {
    const damaged = Buffer.from(bytes)
    const width = Math.min([1, 2, 4][below(random, 3)]!, damaged.length)
    const at = below(random, Math.min(damaged.length - width + 1, random() < 0.7 ? 512 : Infinity))
    const value = lengths[below(random, lengths.length)]! % 256 ** width
    if (random() < 0.5) damaged.writeUIntBE(value, at, width)
    else damaged.writeUIntLE(value, at, width)
    return damaged
  },
  truncated: (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  splice(bytes, random, other) {
    const source = random() < 0.5 ? bytes : other
    const from = below(random, source.length)
    const piece = source.subarray(from, from + 1 + below(random, 512))
    const at = below(random, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + (random() < 0.5 ? piece.length : 0))])
  },
  removed(bytes, random) {
    const at = below(random, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 64))])
  },
  repeated(bytes, random) {
    const at = below(random, bytes.length)
    const piece = bytes.subarray(at, at + 1 + below(random, 256))
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array.from({ length: 1 + below(random, 40) }, () => piece),
      bytes.subarray(at),
    ])
  },
}

const kinds = Object.values(damages) as Damage[keyof Damage][]

/** One to three damages in sequence. @param other another input, to take pieces from */
export function mutated(bytes: Buffer, random: Random, other: Buffer = bytes): Buffer {
  let damaged = bytes
  for (let i = 1 + below(random, 3); i > 0 && damaged.length > 0; i--)
    damaged = kinds[below(random, kinds.length)]!(damaged, random, other)
  return damaged
}
