/** Errors that concern one picture: a job reports them and continues with the others. */
import type { ErrorCode } from '../errors.js'

const aboutImage: readonly ErrorCode[] = [
  'gallery_full', // others may replace stored ones
  'original_not_kept',
  'original_unreadable',
  'original_changed',
  'reference_invalid',
  'source_unreadable',
  'source_not_allowed',
]

export function isAboutImage(code: ErrorCode): boolean {
  return aboutImage.includes(code) || code.startsWith('image_') || code.startsWith('url_')
}
