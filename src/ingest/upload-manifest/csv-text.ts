/** Reads CSV as spreadsheets write it: in one of several encodings, with one of several delimiters. */
import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'
import { AlikeError } from '../../errors.js'
import { misfitOfText } from '../../text.js'
import { type NameEncoding, windowsNameOf } from '../name-encoding.js'

export interface CsvText {
  delimiter: string
  /** Without a byte order mark; a few kilobytes each. */
  pieces(): Generator<string>
}

const delimiters = [',', ';', '\t'] as const
/** Excel's own declaration of the delimiter, as the first line. */
const separatorLine = /^sep=(.)\r?\n/
const pieceBytes = 16 * 1024
/** The header must end within these first bytes. */
const headBytes = 64 * 1024

/**
 * @param stated encoding of the manifest
 * @param ofNames encoding of the names in the archive: assumed for a manifest that is not UTF-8
 * @throws AlikeError `line_invalid`
 */
export function readCsvText(
  bytes: Buffer,
  {
    manifestEncoding: stated,
    nameEncoding: ofNames,
  }: { manifestEncoding?: NameEncoding | undefined; nameEncoding?: NameEncoding | undefined },
): CsvText {
  const encoding = markedEncoding(bytes) ?? stated ?? (isUtf8(bytes) ? 'utf-8' : ofNames)
  if (encoding === undefined || (encoding === 'utf-8' && !isUtf8(bytes))) {
    throw new AlikeError('line_invalid', {
      detail:
        'It is not UTF-8. State manifestEncoding: what Excel saves as CSV is windows-1252 in Western Europe, while "CSV UTF-8" is UTF-8.',
    })
  }
  const [head = ''] = decode(bytes.subarray(0, headBytes), encoding, headBytes)
  const [separator = '', given] = separatorLine.exec(head) ?? []
  const skipped = separator.length
  return {
    delimiter: given ?? delimiterOf(head),
    *pieces() {
      let left = skipped
      for (const piece of decode(bytes, encoding, pieceBytes)) {
        if (piece.includes('\ufffd') && encoding !== 'utf-8')
          throw new AlikeError('line_invalid', { detail: `It is not ${encoding}.` })
        const misfit = misfitOfText(piece)
        if (misfit !== undefined) throw new AlikeError('line_invalid', { detail: `It ${misfit}.` })
        yield piece.slice(left)
        left = Math.max(0, left - piece.length)
      }
    },
  }
}

function markedEncoding(bytes: Buffer): string | undefined {
  const mark = bytes.toString('latin1', 0, 3)
  if (mark === '\xef\xbb\xbf') return 'utf-8'
  return mark.startsWith('\xff\xfe') ? 'utf-16le' : mark.startsWith('\xfe\xff') ? 'utf-16be' : undefined
}

function* decode(bytes: Buffer, encoding: string, size: number): Generator<string> {
  const decoder = iconv.getDecoder(windowsNameOf(encoding), { stripBOM: true })
  let held = ''
  for (let at = 0; at < bytes.length; at += size) {
    const text = held + decoder.write(bytes.subarray(at, at + size))
    // never splits a surrogate pair
    const cut = /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length
    held = text.slice(cut)
    yield text.slice(0, cut)
  }
  yield held + (decoder.end() ?? '')
}

/** The most frequent candidate in the header, outside quotes. */
function delimiterOf(head: string): string {
  const [header = ''] = head
    .trimStart()
    .replace(/"[^"]*("|$)/g, '""')
    .split(/[\r\n]/, 1)
  const counts = delimiters.map((delimiter) => header.split(delimiter).length)
  return delimiters[counts.indexOf(Math.max(...counts))]!
}
