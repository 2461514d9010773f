/**
 * Decodes file names in archives, which are bytes with or without a declared encoding: by what the format declares,
 * else by what the caller declares. Nothing is guessed, and no byte is replaced by U+FFFD, which would merge different
 * names into one id.
 */
import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'
import { AlikeError } from '../errors.js'
import { nfc } from '../text.js'
import { pathMaxBytes, shownBytes } from './names.js'

/** Encodings a caller may declare; several have two names. */
export const nameEncodings = [
  'utf-8',
  'latin1',
  'iso-8859-1',
  'iso-8859-2',
  'iso-8859-5',
  'iso-8859-7',
  'iso-8859-9',
  'iso-8859-15',
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'macroman',
  'koi8-r',
  'cp437',
  'cp850',
  'cp852',
  'cp866',
  'shift_jis',
  'euc-jp',
  'gbk',
  'gb18030',
  'big5',
  'euc-kr',
] as const
export type NameEncoding = (typeof nameEncodings)[number]

export interface WrittenName {
  bytes: Buffer
  /** The declared encoding; undefined if none. A zip without a declaration means code page 437. */
  says?: 'utf-8' | 'cp437' | undefined
}

export interface ReadName {
  /** In NFC; in a form fit for display if there is a misfit. */
  path: string
  misfit?: AlikeError | undefined
  /** The format's default encoding was assumed, although packers often use another. */
  isAssumed?: boolean | undefined
}

/** @param stated by the caller: for names whose encoding the format does not declare reliably, or declares wrongly */
export function readName({ bytes, says }: WrittenName, stated: NameEncoding | undefined): ReadName {
  if (bytes.length > pathMaxBytes) {
    return {
      path: shownBytes(bytes.subarray(0, pathMaxBytes)),
      misfit: new AlikeError('archive_path_invalid', { detail: `It is longer than ${pathMaxBytes} bytes.` }),
    }
  }
  const order = says === 'utf-8' ? (['utf-8', stated] as const) : ([stated ?? 'utf-8'] as const)
  for (const encoding of order) {
    const text = encoding === undefined ? undefined : decoded(bytes, encoding)
    if (text !== undefined) return { path: nfc(text) }
  }
  if (says === 'cp437' && stated === undefined) return { path: nfc(iconv.decode(bytes, 'cp437')), isAssumed: true }
  return { path: shownBytes(bytes), misfit: misfitOf(bytes, stated) }
}

/** @returns undefined if the bytes are not valid in that encoding */
function decoded(bytes: Buffer, encoding: NameEncoding): string | undefined {
  if (encoding === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined
  const text = iconv.decode(bytes, windowsNameOf(encoding))
  return text.includes('\ufffd') ? undefined : text
}

/** Text labelled Latin-1 contains Windows quotes and the euro sign more often than control characters. */
export function windowsNameOf(encoding: string): string {
  return encoding === 'latin1' || encoding === 'iso-8859-1' ? 'windows-1252' : encoding
}

function misfitOf(bytes: Buffer, stated: NameEncoding | undefined): AlikeError {
  if (stated !== undefined && stated !== 'utf-8')
    return new AlikeError('name_unreadable', { detail: `It is not ${stated}.` })
  const asWindows = decoded(bytes, 'windows-1252')
  const hint = asWindows === undefined ? '' : `; as windows-1252 it would be ${JSON.stringify(asWindows.slice(0, 200))}`
  return new AlikeError('name_unreadable', {
    detail: `It is not UTF-8, and the archive does not declare an encoding${hint}. Set nameEncoding.`,
  })
}
