/** The colour stated in the sequence header of AV1 data, which applies if an AVIF has no `colr` box. */
/** AV1 specification, 6.2.2. */
const sequenceHeader = 1
/** Units examined; the header is the first or the second. */
const unitsMax = 16
/** Includes every optional field of a sequence header. */
const headerMaxBytes = 512

/** Code points of ITU-T H.273. */
export interface Av1Colour {
  primaries: number
  transfer: number
}

/** @param data concatenated units (OBU) @returns undefined if they state no colour or cannot be parsed */
export function av1Colour(data: Buffer): Av1Colour | undefined {
  try {
    for (let at = 0, units = 0; at < data.length && units < unitsMax; units++) {
      const header = data[at]!
      const hasExtension = (header & 4) !== 0
      const hasSize = (header & 2) !== 0
      const sizeAt = at + (hasExtension ? 2 : 1)
      const { value: size, end } = hasSize ? leb128(data, sizeAt) : { value: data.length - sizeAt, end: sizeAt }
      if (((header >> 3) & 15) === sequenceHeader)
        return colourOf(new Bits(data.subarray(end, end + Math.min(size, headerMaxBytes))))
      at = end + size
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error // the decoder will report the fault
  }
  return undefined
}

/** AV1 specification, 5.5: parses everything up to the colour, the only part needed. */
function colourOf(bits: Bits): Av1Colour | undefined {
  const profile = bits.read(3)
  bits.skip(1) // still_picture
  const isReduced = bits.flag()
  if (isReduced) bits.skip(5)
  else skipOperatingPoints(bits)
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1]
  bits.skip(widthBits + heightBits)
  if (!isReduced && bits.flag()) bits.skip(4 + 3) // lengths of frame ids
  bits.skip(3) // superblocks, intra filters
  if (!isReduced) skipTools(bits)
  bits.skip(3) // super-resolution, filters
  const isDeep = bits.flag()
  if (profile === 2 && isDeep) bits.skip(1)
  if (profile !== 1) bits.skip(1) // monochrome
  return bits.flag() ? { primaries: bits.read(8), transfer: bits.read(8) } : undefined
}

function skipOperatingPoints(bits: Bits): void {
  let delayBits: number | undefined
  if (bits.flag()) {
    bits.skip(32 + 32)
    if (bits.flag()) skipUvlc(bits)
    if (bits.flag()) {
      delayBits = bits.read(5) + 1
      bits.skip(32 + 5 + 5)
    }
  }
  const hasDelays = bits.flag()
  for (let left = bits.read(5) + 1; left > 0; left--) {
    bits.skip(12)
    if (bits.read(5) > 7) bits.skip(1)
    if (delayBits !== undefined && bits.flag()) bits.skip(2 * delayBits + 1)
    if (hasDelays && bits.flag()) bits.skip(4)
  }
}

function skipTools(bits: Bits): void {
  bits.skip(4)
  const hasOrder = bits.flag()
  if (hasOrder) bits.skip(2)
  const screenContent = bits.flag() ? 2 : bits.read(1)
  if (screenContent > 0 && !bits.flag()) bits.skip(1)
  if (hasOrder) bits.skip(3)
}

function skipUvlc(bits: Bits): void {
  let zeros = 0
  while (!bits.flag()) zeros++
  bits.skip(Math.min(zeros, 32))
}

function leb128(data: Buffer, at: number): { value: number; end: number } {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = data.readUInt8(at + i)
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  throw new RangeError('a length of more than eight bytes')
}

/** Most significant bit first. Reading past the end throws a RangeError. */
class Bits {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++, this.#at++)
      value = value * 2 + ((this.#bytes.readUInt8(this.#at >> 3) >> (7 - (this.#at & 7))) & 1)
    return value
  }

  flag(): boolean {
    return this.read(1) === 1
  }

  skip(count: number): void {
    this.#at += count
  }
}
