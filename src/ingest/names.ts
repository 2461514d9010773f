/**
 * Derives a picture's id and label from the path of an uploaded file or archive entry. Paths come from strangers: they
 * are never used to open a file.
 */
import { AlikeError } from '../errors.js'
import { charactersIn, cutText, misfitOfText, nfc } from '../text.js'

export const idMaxLength = 512
export const labelMaxLength = 200
/** For schemas. Valid Unicode is checked where texts are read. */
export const idPattern = '^[^\\u0000-\\u001f\\u007f]+$'
export const newIdPattern = '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]+$'
export const labelPattern = '^[^\\u0000]*$'

/** What they demand, for someone who does not read regular expressions; to follow the name of what does not match. */
export const demandsOfIds: Readonly<Record<string, string>> = {
  [idPattern]: 'must not contain control characters, such as line breaks',
  [newIdPattern]: 'must neither be . or .. nor contain control characters, such as line breaks',
}

/** Why a new id is too long as it is stored: some characters are several in NFC. Undefined if it is not. */
export function misfitOfNewId(id: string): string | undefined {
  return misfitOfStored(id, idMaxLength)
}

/** The same for a label. */
export function misfitOfLabel(label: string | null | undefined): string | undefined {
  return misfitOfStored(label ?? '', labelMaxLength)
}

function misfitOfStored(text: string, maxLength: number): string | undefined {
  if (charactersIn(nfc(text)) <= maxLength) return undefined
  return `must not have more than ${maxLength} characters in Unicode form NFC`
}

export interface ItemName {
  /** The normalised path. */
  id: string
  /** Name of the folder that contains the file; undefined at the top level. */
  label?: string
}

/**
 * `./cycling\Image_12.jpg` → id `cycling/Image_12.jpg`, label `cycling`, both in NFC.
 * @throws AlikeError `archive_path_invalid` for a path that is absolute, escapes its root or cannot be an id.
 */
export function nameOf(path: string): ItemName {
  const segments = segmentsOf(nfc(path))
  const reason = tricksOf(path, segments)
  if (reason !== undefined) throw new AlikeError('archive_path_invalid', { detail: reason })

  const id = segments.join('/')
  const label = segments.at(-2)
  return label === undefined ? { id } : { id, label }
}

/** Segments of a path on any system: `\` also separates, and `.` is dropped. */
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
  if (charactersIn(segments.join('/')) > idMaxLength) return `It is longer than ${idMaxLength} characters.`
  if (charactersIn(segments.at(-2) ?? '') > labelMaxLength)
    return `Its folder's name is longer than ${labelMaxLength} characters.`
  return undefined
}

/** Maximum path length examined: the limit of operating systems, and far beyond that of an id. */
export const pathMaxBytes = 4_096

/** A path in a form fit for an error report. */
export function shownName(path: string): string {
  return cutText(path.replace(/[\u0000-\u001f\u007f]/g, '\ufffd'), idMaxLength)
}

/** The same for a path with unknown encoding: `m\xfcller/1.jpg`; distinct paths stay distinct. */
export function shownBytes(path: Buffer): string {
  return path
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
