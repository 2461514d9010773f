/** Reads a stream that claims to be a picture, but never more of it than a picture may have. */
import { AlikeError } from '../errors.js'

/**
 * Reads to the end in any case: what follows in the same archive or form comes only after it.
 * @param onBytes hears of bytes that are kept; what it throws ends the reading
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
