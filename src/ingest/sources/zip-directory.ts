/** The directory of a zip: the files it lists, and the encoding of their names. */
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { AlikeError } from '../../errors.js'
import { headersMaxOf, tooManyHeaders } from '../archive-bounds.js'
import { type ReadName, readName, type WrittenName } from '../name-encoding.js'
import type { SourceDescription, SourceLimits } from '../source.js'
import type { Extents } from './extents.js'

export interface ZippedFile extends ReadName {
  entry: Entry
  /** Position in the directory, from 0. */
  number: number
  isLink: boolean
  /** Its place in the archive, by what the directory states. */
  extent: { start: number; bytes: number }
}

/** Names are decoded, and sizes checked, by us, because the library would reject the whole archive for a bad one. */
const reading = { autoClose: false, decodeStrings: false, validateEntrySizes: false }
/** Size of the fixed header before each file's name. */
const localHeaderBytes = 30
/** The end is looked for so far from the end of the file. */
const commentMaxBytes = 65_535
const slash = 0x2f
const flagUtf8 = 0x0800
/** Packers that do not know zip64, such as macOS's, count entries modulo this. */
const countModulus = 65_536
const entrySignature = Buffer.from('PK\x01\x02')
/** Info-ZIP's extra field: version 1, a checksum of the name it belongs to, the name in UTF-8. */
const unicodePathId = 0x7075
/** Systems whose packers write names in code page 437 or similar, as identified in the upper byte of "made by". */
const dosLike = new Set([0, 6, 10, 11, 14])

/** @throws AlikeError `archive_unreadable` */
export async function openZipFile(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, reading)
  } catch (cause) {
    throw new AlikeError('archive_unreadable', { detail: misplacedEnd((cause as Error).message), cause })
  }
}

/** What the library says about the record that ends a zip, with a comment of as many bytes as it states. */
function misplacedEnd(message: string): string | undefined {
  if (message.startsWith('End of central directory record signature not found'))
    return `It is cut off, or more than ${commentMaxBytes} bytes follow its end.`
  const [, left, stated] = /^Invalid comment length. Expected: (\d+). Found: (\d+)/.exec(message) ?? []
  if (left === undefined) return undefined
  const surplus = Number(left) - Number(stated)
  return surplus > 0 ? `Bytes after its end: ${surplus}.` : 'It is cut off.'
}

/** Skips folders. @param extents receives every entry @throws AlikeError `archive_unreadable` */
export async function* filesOfZip(
  zip: ZipFile,
  { nameEncoding }: SourceDescription,
  limits: SourceLimits,
  extents?: Extents,
): AsyncGenerator<ZippedFile> {
  const headersMax = headersMaxOf(limits)
  let number = 0
  try {
    await countOn(zip, headersMax)
    for await (const entry of zip.eachEntry()) {
      if (zip.entriesRead === zip.entryCount) await countOn(zip, headersMax)
      const extent = extentOf(entry)
      extents?.add(extent.start, extent.bytes)
      const name = readName(writtenName(entry), nameEncoding)
      if (!isFolder(entry, name)) yield { entry, ...name, number, isLink: isLink(entry), extent }
      number += 1
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: 'Its directory is damaged.', cause })
  }
}

function extentOf({ relativeOffsetOfLocalHeader, fileNameLength, compressedSize }: Entry): ZippedFile['extent'] {
  return { start: relativeOffsetOfLocalHeader, bytes: localHeaderBytes + fileNameLength + compressedSize }
}

/** Called before the first entry and after the last one: the directory may go on. */
async function countOn(zip: ZipFile, headersMax: number): Promise<void> {
  if (zip.entriesRead === zip.entryCount && (await isAtEntry(zip))) zip.entryCount += countModulus
  if (zip.entryCount > headersMax) throw tooManyHeaders(headersMax)
}

async function isAtEntry(zip: ZipFile): Promise<boolean> {
  const at = Number(zip.readEntryCursor) // a position, though declared as a boolean
  const { length } = entrySignature
  const head = await promisify(zip.openReadStreamLowLevel).call(zip, at, length, 0, length, false, null)
  return (await buffer(head)).equals(entrySignature)
}

function writtenName({ fileNameRaw, generalPurposeBitFlag, versionMadeBy, extraFields }: Entry): WrittenName {
  const unicode = extraFields.find(
    ({ id, data }) =>
      id === unicodePathId && data.length > 5 && data[0] === 1 && data.readUInt32LE(1) === crc32(fileNameRaw),
  )
  if (unicode !== undefined) return { bytes: unicode.data.subarray(5), says: 'utf-8' }
  if ((generalPurposeBitFlag & flagUtf8) !== 0) return { bytes: fileNameRaw, says: 'utf-8' }
  return { bytes: fileNameRaw, says: dosLike.has(versionMadeBy >>> 8) ? 'cp437' : undefined }
}

/** Determined by the name alone; by its bytes, because `\` may be half of a character. */
function isFolder({ fileNameRaw }: Entry, { path, misfit }: ReadName): boolean {
  return fileNameRaw.at(-1) === slash || (misfit === undefined && path.endsWith('\\'))
}

/** Unix file type in the upper half of the attributes. */
function isLink(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000
}
