/** Pictures as text. */
import { AlikeError } from '../errors.js'

/**
 * Also of a `data:` URL, and of text that is wrapped into lines.
 * @returns undefined when it is not base64
 * @throws AlikeError `image_too_large`
 */
export function bytesOfBase64(text: string, maxBytes: number): Buffer | undefined {
  const encoded = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text
  const maxLength = Math.ceil(maxBytes / 3) * 4
  // Only where it does not fit as it is: looking through megabytes costs time.
  const bytes = encoded.length > maxLength ? undefined : decoded(encoded)
  if (bytes !== undefined) return bytes
  const digits = unwrapped(encoded, maxLength, maxBytes)
  return /^[\w+/-]*={0,2}$/.test(digits) ? decoded(digits) : undefined
}

function unwrapped(text: string, maxLength: number, maxBytes: number): string {
  const digits = text.replace(/[ \t\r\n]+/g, '')
  if (digits.length > maxLength)
    throw new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
  return digits
}

function decoded(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, 'base64')
  const digits = encoded.endsWith('==')
    ? encoded.length - 2
    : encoded.endsWith('=')
      ? encoded.length - 1
      : encoded.length
  // Node's decoder passes over what is not base64; the length gives that away. One digit alone is no byte.
  return digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4) ? bytes : undefined
}
