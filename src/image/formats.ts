/** Accepted picture formats, recognised from the first bytes before any decoder sees them. */
import { AlikeError } from '../errors.js'

/**
 * The allow-list: the formats of cameras, phones, scanners and web pages; see docs/formats.md. Deliberately excluded:
 * SVG and PDF (programs, not pictures), layered editor formats, JPEG 2000.
 */
export const acceptedFormats = ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff', 'bmp', 'heic', 'jxl'] as const
export type ImageFormat = (typeof acceptedFormats)[number]

/** Recognised only so that the refusal can name them. */
type RefusedFormat = 'svg' | 'pdf' | 'psd' | 'jp2' | 'ico'

/** Longest prefix searched for a signature or an AVIF brand list, bytes. */
const prefixBytes = 256

const signatures: readonly { format: ImageFormat | RefusedFormat; offset: number; magic: string }[] = [
  { format: 'jpeg', offset: 0, magic: '\xff\xd8\xff' },
  { format: 'png', offset: 0, magic: '\x89PNG\r\n\x1a\n' },
  { format: 'gif', offset: 0, magic: 'GIF87a' },
  { format: 'gif', offset: 0, magic: 'GIF89a' },
  { format: 'webp', offset: 8, magic: 'WEBP' },
  { format: 'tiff', offset: 0, magic: 'II*\0' },
  { format: 'tiff', offset: 0, magic: 'MM\0*' },
  { format: 'tiff', offset: 0, magic: 'II+\0' },
  { format: 'tiff', offset: 0, magic: 'MM\0+' },
  { format: 'bmp', offset: 0, magic: 'BM' },
  { format: 'pdf', offset: 0, magic: '%PDF-' },
  { format: 'psd', offset: 0, magic: '8BPS' },
  { format: 'ico', offset: 0, magic: '\0\0\x01\0' },
  { format: 'jxl', offset: 0, magic: '\xff\x0a' },
  { format: 'jxl', offset: 4, magic: 'JXL \r\n' },
  { format: 'jp2', offset: 4, magic: 'jP  \r\n' },
]

/**
 * The format according to the signature: neither a file name nor a content type is trusted.
 * @throws AlikeError `image_empty`, `image_format_unsupported` (a known format that is refused) or `image_unreadable`
 * (not a picture)
 */
export function formatOf(bytes: Uint8Array): ImageFormat {
  if (bytes.byteLength === 0) throw new AlikeError('image_empty')
  const found = sniff(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, prefixBytes)).toString('latin1'),
  )
  if (found === undefined) {
    throw new AlikeError('image_unreadable', { detail: `Its first bytes match none of ${acceptedFormats.join(', ')}.` })
  }
  if (!isAccepted(found)) {
    throw new AlikeError('image_format_unsupported', {
      detail: `It is ${found}; supported are ${acceptedFormats.join(', ')}.`,
    })
  }
  return found
}

function sniff(prefix: string): ImageFormat | RefusedFormat | undefined {
  if (prefix.startsWith('ftyp', 4)) return sniffIsoMedia(prefix)
  if (/^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg|<svg)/s.test(prefix)) return 'svg'
  return signatures.find(({ offset, magic }) => prefix.startsWith(magic, offset))?.format
}

/**
 * AVIF and HEIC share a container: the major brand decides, then the minor version is skipped and the compatible brands
 * decide.
 */
function sniffIsoMedia(prefix: string): 'avif' | 'heic' | undefined {
  const boxBytes = Buffer.from(prefix.slice(0, 4), 'latin1').readUInt32BE()
  const brands: string[] =
    (prefix.slice(8, 12) + prefix.slice(16, Math.min(boxBytes, prefixBytes))).match(/.{4}/gs) ?? []
  if (brands.includes('avif') || brands.includes('avis')) return 'avif'
  if (brands.some((brand) => ['heic', 'heix', 'hevc', 'heim', 'heis', 'mif1', 'msf1'].includes(brand))) return 'heic'
  return undefined
}

function isAccepted(format: string): format is ImageFormat {
  return (acceptedFormats as readonly string[]).includes(format)
}
