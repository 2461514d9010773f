/** Pictures as text. */
import { AlikeError } from '../errors.js'

/**
 * Also of a `data:` URL.
 * @returns undefined when it is not base64
 * @throws AlikeError `image_too_large`
 */
export function bytesOfBase64(text: string, maxBytes: number): Buffer | undefined {
  const encoded = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text
  if (encoded.length > Math.ceil(maxBytes / 3) * 4) throw new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
  const bytes = Buffer.from(encoded, 'base64')
  const digits = encoded.endsWith('==') ? encoded.length - 2 : encoded.endsWith('=') ? encoded.length - 1 : encoded.length
  // Node's decoder passes over what is not base64; the length gives that away.
  return bytes.length === Math.floor((digits * 3) / 4) ? bytes : undefined
}
