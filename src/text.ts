/**
 * What counts as valid text: what SQLite, JSON and UTF-8 preserve. Half of a surrogate pair becomes U+FFFD when encoded
 * as UTF-8, so what is read differs from what was written; a NUL terminates text for half of the tools that read it.
 */
import { isUtf8 } from 'node:buffer'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

const notText = /[\0\p{Surrogate}]/u

/** Why a string cannot be stored unchanged, as a phrase to follow "it"; undefined if it can. */
export function misfitOfText(text: string): string | undefined {
  const [found] = notText.exec(text) ?? []
  if (found === undefined) return undefined
  return found === '\0' ? 'has a NUL character' : 'has half of a surrogate pair, which is no Unicode text'
}

/** Bytes as text, without a byte order mark; undefined if they are not UTF-8. Nothing is replaced by U+FFFD. */
export function textOfUtf8(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** The same for text decoded elsewhere, by a decoder that replaces invalid UTF-8 by U+FFFD. */
export function misfitOfDecoded(text: string): string | undefined {
  return (
    misfitOfText(text) ??
    (text.includes('\ufffd') ? 'has the character U+FFFD, in place of something that was not UTF-8' : undefined)
  )
}

/** Characters with which a name from a stranger could turn the direction of the text around it. */
const turning = '\u202a-\u202e\u2066-\u2069'
const notVisible = new RegExp(`[\\x00-\\x1f\\x7f-\\x9f${turning}]`, 'g')
const notEscaped = new RegExp(`[\\x7f-\\x9f${turning}]`, 'g')

/**
 * A line for people at a terminal that may contain names from strangers: a control character could delete what else is
 * there, or add a line that nobody wrote. They are shown as `\u009b`, and so are those that turn the direction of text.
 */
export function visible(text: string): string {
  return text.replace(notVisible, (character) => escaped(character))
}

/**
 * The same for a line of JSON, in which control characters below U+0020 are escaped already.
 * @param prefix default: the line is the same when it is parsed
 */
export function harmlessLine(json: string, prefix?: string): string {
  return json.replace(notEscaped, (character) => escaped(character, prefix))
}

const escaped = (character: string, prefix = '\\u') =>
  `${prefix}${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** How many characters (code points) it has, as the schemas count: those outside the basic plane are two units of a string. */
export function charactersIn(text: string): number {
  return [...text].length
}

/** The text, truncated to so many characters: invalid parts become U+FFFD, and no surrogate pair is split. */
export function cutText(text: string, maxLength: number): string {
  const cut =
    text.length > maxLength
      ? text.slice(0, /[\ud800-\udbff]/.test(text[maxLength - 1] ?? '') ? maxLength - 1 : maxLength)
      : text
  return cut.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}

/** `nfc`: ids and labels that look alike are equal. `as_is`: they are compared by code points. */
export type TextForm = 'nfc' | 'as_is'

const formKey = 'alike text form'

/** Applies to this process and to threads started afterwards. */
export function useTextForm(form: TextForm): void {
  setEnvironmentData(formKey, form)
}

/**
 * One form for letters that can be written in two: macOS writes `é` as `e` and an accent, keyboards as one character.
 * Both look alike, so they are one id and one label, unless `useTextForm` says otherwise.
 */
export function nfc(text: string): string {
  return getEnvironmentData(formKey) === 'as_is' ? text : text.normalize('NFC')
}

/**
 * What `find` returns for the id as it was sent, else in NFC: ids are stored in NFC and looked up in any form; older ones
 * are stored as they were sent.
 */
export function inStoredForm<Found>(id: string, find: (form: string) => Found | undefined): Found | undefined {
  const found = find(id)
  if (found !== undefined) return found
  const composed = nfc(id)
  return composed === id ? undefined : find(composed)
}
