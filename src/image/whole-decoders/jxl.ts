/** JPEG XL, by libjxl compiled to WebAssembly, which converts every colour to sRGB. The size is parsed here first. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { boxesOfFile } from '../iso-boxes.js'
import { Undecodable, type WholeHeader } from './whole-picture.js'

/** The part of the decoder's interface that we use. */
interface JxlDecoder {
  decode(file: Uint8Array): { data: Uint8ClampedArray; width: number; height: number } | null
}

/** ISO/IEC 18181-1, annex D.2. */
const ratios: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
]
const headerBytes = 64

/** @throws Undecodable, RangeError at the end of the file */
export function jxlHeader(file: Buffer): WholeHeader {
  const bits = new LowBits(codestream(file).subarray(2))
  const isSmall = bits.read(1) === 1
  const side = () => (isSmall ? (bits.read(5) + 1) * 8 : bits.read([9, 13, 18, 30][bits.read(2)]!) + 1)
  const stored = { height: side(), width: 0 }
  const ratio = bits.read(3)
  if (ratio === 0) stored.width = side()
  else {
    const [across, down] = ratios[ratio - 1]!
    stored.width = Math.floor((stored.height * across) / down)
  }
  const { width, height } = stored
  const allDefault = bits.read(1) === 1
  const orientation = !allDefault && bits.read(1) === 1 ? bits.read(3) + 1 : 1
  const pixels = width * height
  return orientation > 4 ? { width: height, height: width, pixels } : { width, height, pixels }
}

/** The first bytes of the codestream, which is either bare or inside boxes. */
function codestream(file: Buffer): Buffer {
  if (file[0] === 0xff) return file.subarray(0, headerBytes)
  for (const { type, content } of boxesOfFile(file)) {
    if (type === 'jxlc') return content.subarray(0, headerBytes)
    if (type === 'jxlp') return content.subarray(4, 4 + headerBytes) // after its sequence number
  }
  throw new Undecodable('It has no codestream.')
}

export async function decodeJxl(file: Buffer, { width, height }: WholeHeader, pixels: Uint8Array): Promise<void> {
  const decoded = (await decoder()).decode(file)
  if (decoded === null) throw new Undecodable('Its picture data is damaged.')
  if (decoded.width !== width || decoded.height !== height)
    throw new Undecodable('Its picture has another size than its header says.')
  pixels.set(decoded.data)
}

async function decoder(): Promise<JxlDecoder> {
  // The module is built for web pages, where this class exists.
  Object.assign(globalThis, { ImageData: PixelData })
  const { default: load } = (await import('@jsquash/jxl/codec/dec/jxl_dec.js')) as unknown as {
    default(options: object): Promise<JxlDecoder>
  }
  const wasm = fileURLToPath(import.meta.resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm'))
  return load({ wasmBinary: readFileSync(wasm), print: () => undefined, printErr: () => undefined })
}

class PixelData {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}

/** Least significant bit first. Reading past the end throws a RangeError. */
class LowBits {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++, this.#at++)
      value += ((this.#bytes.readUInt8(this.#at >> 3) >> (this.#at & 7)) & 1) * 2 ** i
    return value
  }
}
