/** Entry point of the thread that decodes one picture as a whole; see `whole-thread.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { decodeBmp } from './bmp.js'
import { decodeHeic } from './heic.js'
import { decodeJxl } from './jxl.js'
import { plainTiff } from './plain-tiff.js'
import { type DecodeWhole, Undecodable, type WholeFormat, type WholeReply, type WholeTask } from './whole-picture.js'

const decoders: Readonly<Record<WholeFormat, DecodeWhole>> = { bmp: decodeBmp, heic: decodeHeic, jxl: decodeJxl }
const pageBytes = 65_536

await decode(workerData as WholeTask)

async function decode({ format, file, header, profile, memoryMaxBytes }: WholeTask): Promise<void> {
  boundMemory(memoryMaxBytes)
  const { file: tiff, pixels } = plainTiff(header.width, header.height, profile && Buffer.from(profile))
  try {
    await decoders[format](Buffer.from(file.buffer, file.byteOffset, file.byteLength), header, pixels)
    send({ tiff: new Uint8Array(tiff.buffer) }, [tiff.buffer])
  } catch (error) {
    // Whatever a decoder throws, the file is the cause.
    send({ damage: error instanceof Undecodable ? error.message : 'Its picture data is damaged.' })
  }
}

function send(reply: WholeReply, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(reply, transfer)
}

/** The part we use of a class that Node.js has but its types lack. */
interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** WebAssembly memory lies outside the heap and has no other bound: a file may state one size and contain another. */
function boundMemory(maxBytes: number): void {
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } }).WebAssembly
  const { grow } = Memory.prototype
  Memory.prototype.grow = function (pages) {
    if (this.buffer.byteLength + pages * pageBytes > maxBytes)
      throw new RangeError('more memory than its size asks for')
    return grow.call(this, pages)
  }
}
