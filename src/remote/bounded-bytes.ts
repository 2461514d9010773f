/** The bytes of an incoming picture, up to a limit. */
import { AlikeError } from '../errors.js'

export interface BoundedBytesOptions {
  /** Size that the other side states; what arrives may be larger. */
  announced: number
  maxBytes: number
  /** Called with the size of each chunk; throws if that exceeds the caller's limit. */
  onBytes?: ((bytes: number) => void) | undefined
}

/** @throws AlikeError `image_too_large`; before anything is read if the announced size is already too large */
export async function boundedBytes(
  body: AsyncIterable<Uint8Array> & { destroy?: () => unknown },
  { announced, maxBytes, onBytes }: BoundedBytesOptions,
): Promise<Buffer> {
  const tooLarge = () => new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
  if (announced > maxBytes) {
    body.destroy?.()
    throw tooLarge()
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge()
    onBytes?.(chunk.length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}
