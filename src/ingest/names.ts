/**
 * From the path of an uploaded file or archive entry to the picture's id and label. Paths come from
 * strangers: nothing here is ever used to open a file.
 */
import { AlikeError } from '../errors.js'
import { cutText, misfitOfText, nfc } from '../text.js'

export const idMaxLength = 512
export const labelMaxLength = 200
/** For schemas. That texts are Unicode is checked where they are read. */
export const idPattern = '^[^\\u0000-\\u001f\\u007f]+$'
export const newIdPattern = '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]+$'
export const labelPattern = '^[^\\u0000]*$'

export interface ItemName {
  /** The path, normalised. */
  id: string
  /** Name of the folder that the file lies in; undefined at the top. */
  label?: string
}

/**
 * `./cycling\Image_12.jpg` → id `cycling/Image_12.jpg`, label `cycling`, both in NFC.
 * @throws AlikeError `archive_path_invalid` for a path that is absolute, climbs out or can be no id.
 */
export function nameOf(path: string): ItemName {
  const segments = segmentsOf(nfc(path))
  const reason = tricksOf(path, segments)
  if (reason !== undefined) throw new AlikeError('archive_path_invalid', { detail: reason })

  const id = segments.join('/')
  const label = segments.at(-2)
  return label === undefined ? { id } : { id, label }
}

/** Of the path as every system means it: `\` parts, too, and `.` says nothing. */
export function segmentsOf(path: string): string[] {
  return path
    .replaceAll('\\', '/')
    .split('/')
    .filter((segment) => segment !== '.')
}

function tricksOf(path: string, segments: string[]): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'It has control characters.'
  if (misfitOfText(path) !== undefined) return `It ${misfitOfText(path)}.`
  if (segments[0] === '' || /^[a-zA-Z]:$/.test(segments[0] ?? '')) return 'It is absolute.'
  if (segments.includes('..')) return 'It climbs out with "..".'
  if (segments.length === 0 || segments.includes('')) return 'It has an empty part.'
  if (segments.join('/').length > idMaxLength) return `It is longer than ${idMaxLength} characters.`
  if ((segments.at(-2)?.length ?? 0) > labelMaxLength)
    return `Its folder's name is longer than ${labelMaxLength} characters.`
  return undefined
}

/** Longest path that is looked at: what systems open at all, and far beyond what an id may have. */
export const pathMaxBytes = 4_096

/** A path as it may be shown in an error report. */
export function shownName(path: string): string {
  return cutText(path.replace(/[\u0000-\u001f\u007f]/g, '\ufffd'), idMaxLength)
}

/** The same of a path whose encoding is not known: `m\xfcller/1.jpg`, two of which stay two. */
export function shownBytes(path: Buffer): string {
  return path
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
