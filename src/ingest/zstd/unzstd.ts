/** Unpacks Zstandard in a thread of its own, as gzip is unpacked in libuv's. */
import { CalledThread } from '../../worker-calls.js'
import type { ZstdCalls } from './zstd-protocol.js'

/**
 * As much is unpacked as is taken; the thread ends when the reader is done or leaves. Checksums are not compared.
 * @throws Error when it is no Zstandard, ends in the middle, or asks for a window of more than 128 MiB; what `packed` throws
 */
export async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const thread = new CalledThread<ZstdCalls>({
    name: 'zstd',
    file: new URL('./zstd-worker.js', import.meta.url),
    data: undefined,
    onFailure: () => {},
  })
  // As an error of the input, which it is: what went wrong in the thread is its cause.
  const asDamage = (cause: unknown): never => {
    throw new Error('the Zstandard stream is damaged', { cause })
  }
  try {
    for await (const chunk of packed) {
      for (let next: Uint8Array | undefined = chunk, rest = true; rest; next = undefined) {
        const reply = await thread.call('unpack', next).catch(asDamage)
        if (reply.output.length > 0) yield Buffer.from(reply.output.buffer)
        rest = reply.rest
      }
    }
    const { output } = await thread.call('finish', undefined).catch(asDamage)
    if (output.length > 0) yield Buffer.from(output.buffer)
  } finally {
    await thread.close()
  }
}
