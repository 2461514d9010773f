/** Reads a stream that claims to be a picture, up to the maximum size of a picture. */
import { AlikeError } from '../errors.js'

/**
 * Always reads to the end: in an archive or form, whatever follows comes after it.
 * @param onBytes receives the number of bytes kept; throwing ends the reading
 * @throws AlikeError `image_too_large`
 */
export async function readBounded(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onBytes?: (bytes: number) => void,
): Promise<Buffer> {
  let chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of gathered(stream)) {
    bytes += chunk.length
    if (bytes <= maxBytes) {
      onBytes?.(chunk.length)
      chunks.push(chunk)
    } else chunks = []
  }
  if (bytes > maxBytes) throw imageTooLarge(maxBytes)
  return Buffer.concat(chunks, bytes)
}

const blockBytes = 16 * 1024

/**
 * The same bytes in larger pieces: one that is kept takes 300 bytes of memory, whatever it holds, and a client can send
 * millions of a byte each.
 */
export async function* gathered(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = Buffer.allocUnsafe(blockBytes)
  let used = 0
  for await (const chunk of stream) {
    if (used > 0 && used + chunk.length > blockBytes) {
      yield block.subarray(0, used)
      block = Buffer.allocUnsafe(blockBytes)
      used = 0
    }
    if (chunk.length > blockBytes) yield chunk
    else {
      block.set(chunk, used)
      used += chunk.length
    }
  }
  if (used > 0) yield block.subarray(0, used)
}

export function imageTooLarge(maxBytes: number): AlikeError {
  return new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
}

/** For a whole upload. */
export function uploadTooLarge(maxBytes: number): AlikeError {
  return new AlikeError('body_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
}
