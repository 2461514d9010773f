/** Unpacks Zstandard, as gzip is unpacked, in libuv's threads. */
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { constants, createZstdDecompress } from 'node:zlib'
import { FrameCutter } from './frame-ends.js'

/** 128 MiB, what the `zstd` command itself accepts without being asked to. */
const windowLogMax = 27
/** What is unpacked in one go, as much as a block holds at most. */
const pieceBytes = 128 * 1024

/**
 * As much is unpacked as is taken. What comes before damage is given out before the damage is told.
 * @throws Error when it is no Zstandard, ends in the middle, is damaged, or asks for a window of more than 128 MiB or a
 *   dictionary; what `packed` throws
 */
export async function* unzstd(packed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let failure: unknown
  // The decoder leaves alone what follows the end of a frame in the same chunk, and goes on with a new one.
  async function* cut() {
    const cutter = new FrameCutter()
    try {
      for await (const chunk of packed) {
        for (const part of cutter.cut(chunk)) {
          yield part
          await setImmediate()
        }
      }
    } catch (error) {
      failure = error
    }
  }
  const input = Readable.from(cut())
  const decoder = input.pipe(
    createZstdDecompress({ chunkSize: pieceBytes, params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } }),
  )
  try {
    yield* decoder as AsyncIterable<Buffer>
  } catch (error) {
    throw failure ?? error // an end in the middle is what it looks like to the decoder
  } finally {
    input.destroy()
    decoder.destroy()
  }
  if (failure !== undefined) throw failure
}
