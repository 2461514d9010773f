/** Decodes pictures sent as base64 text. */
import { AlikeError } from '../errors.js'

/**
 * Also accepts `data:` URLs and line-wrapped text.
 * @returns undefined if it is not base64
 * @throws AlikeError `image_too_large`
 */
export function bytesOfBase64(text: string, maxBytes: number): Buffer | undefined {
  const encoded = text.startsWith('data:') ? text.slice(text.indexOf(',') + 1) : text
  const maxLength = Math.ceil(maxBytes / 3) * 4
  // Strip white space only if the text is too long as it is: scanning megabytes takes time.
  const bytes = encoded.length > maxLength ? undefined : decoded(encoded)
  if (bytes !== undefined) return bytes
  const digits = unwrapped(encoded, maxLength, maxBytes)
  return digits !== undefined && /^[\w+/-]*={0,2}$/.test(digits) ? decoded(digits) : undefined
}

/**
 * Byte by byte: replacing takes a second, in one turn, where white space follows each of millions of digits.
 * @returns undefined if it is not ASCII: its length in bytes says nothing then
 */
function unwrapped(text: string, maxLength: number, maxBytes: number): string | undefined {
  const digits = Buffer.from(text)
  let length = 0
  for (let i = 0; i < digits.length; i++) {
    const byte = digits[i]!
    if (byte > 0x7f) return undefined
    if (!isWhiteSpace(byte)) digits[length++] = byte
  }
  if (length > maxLength) throw new AlikeError('image_too_large', { detail: `At most ${maxBytes} bytes are accepted.` })
  return digits.toString('latin1', 0, length)
}

const isWhiteSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

function decoded(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, 'base64')
  const digits = encoded.endsWith('==')
    ? encoded.length - 2
    : encoded.endsWith('=')
      ? encoded.length - 1
      : encoded.length
  // Node's decoder ignores invalid characters, which shows in the length. A single digit is not a byte.
  return digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4) ? bytes : undefined
}
