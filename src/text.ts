/**
 * What is text here: what SQLite, JSON and UTF-8 carry unchanged. Half of a surrogate pair becomes U+FFFD on its way into
 * UTF-8, so that what is read is not what was written; a NUL ends a text for half of the tools that meet it.
 */
import { isUtf8 } from 'node:buffer'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

const notText = /[\0\p{Surrogate}]/u

/** Why a string can not be stored as it is, to follow "it"; undefined when it can. */
export function misfitOfText(text: string): string | undefined {
  const [found] = notText.exec(text) ?? []
  if (found === undefined) return undefined
  return found === '\0' ? 'has a NUL character' : 'has half of a surrogate pair, which is no Unicode text'
}

/** Bytes as text, without a byte order mark; undefined when they are not UTF-8. Nothing is replaced by U+FFFD. */
export function textOfUtf8(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** The same of text that somebody else has decoded, who puts U+FFFD in the place of what is no UTF-8. */
export function misfitOfDecoded(text: string): string | undefined {
  return (
    misfitOfText(text) ??
    (text.includes('\ufffd') ? 'has the character U+FFFD, in place of something that was not UTF-8' : undefined)
  )
}

/** At most so many characters of it, as text: what is none becomes U+FFFD, and no pair is cut in half. */
export function cutText(text: string, maxLength: number): string {
  const cut =
    text.length > maxLength
      ? text.slice(0, /[\ud800-\udbff]/.test(text[maxLength - 1] ?? '') ? maxLength - 1 : maxLength)
      : text
  return cut.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}

/** `nfc`: ids and labels that look alike are one. `as_is`: each is what its code points say. */
export type TextForm = 'nfc' | 'as_is'

const formKey = 'alike text form'

/** For this process and the threads that it starts from now on. */
export function useTextForm(form: TextForm): void {
  setEnvironmentData(formKey, form)
}

/**
 * One form of letters that can be written in two: macOS writes `é` as `e` and an accent, keyboards as one
 * character. Both look alike, so they are one id and one label, unless `useTextForm` says otherwise.
 */
export function nfc(text: string): string {
  return getEnvironmentData(formKey) === 'as_is' ? text : text.normalize('NFC')
}
