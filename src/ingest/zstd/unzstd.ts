/** Unpacks Zstandard in libuv's threads, like `gunzip`. */
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { constants, createZstdDecompress } from 'node:zlib'
import { FrameCutter } from './frame-ends.js'

/** 128 MiB, the default limit of the `zstd` command. */
const windowLogMax = 27
/** Bytes unpacked per call: the maximum size of a block. */
const pieceBytes = 128 * 1024

/**
 * Unpacks only as much as is consumed. Output before any damage is delivered before the damage is reported.
 * @throws Error if it is not Zstandard, is truncated or damaged, or requires a window of more than 128 MiB or a
 * dictionary; what `packed` throws
 */
export async function* unzstd(packed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let failure: unknown
  // The decoder ignores what follows the end of a frame in the same chunk, and continues with a new chunk.
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
    throw failure ?? error // the decoder sees this as a premature end
  } finally {
    input.destroy()
    decoder.destroy()
  }
  if (failure !== undefined) throw failure
}
