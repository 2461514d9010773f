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
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes <= maxBytes) {
      onBytes?.(chunk.length)
      chunks.push(chunk)
    } else chunks = []
  }
  if (bytes > maxBytes) throw imageTooLarge(maxBytes)
  return Buffer.concat(chunks, bytes)
}

export function imageTooLarge(maxBytes: number): AlikeError {
  return new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
}

/** For a whole upload. */
export function uploadTooLarge(maxBytes: number): AlikeError {
  return new AlikeError('body_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
}
