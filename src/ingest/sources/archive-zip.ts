/** Pictures in a zip archive, in the order of its directory. */
import { getFileNameLowLevel, openPromise, type Entry, type ZipFile } from 'yauzl'
import { AlikeError } from '../../errors.js'
import { isClutter, nameOf, shownName } from '../names.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import { tooManyFiles, type Source, type SourceDescription, type SourceItem, type SourceLimits } from '../source.js'

/** `decodeStrings: false`: a bad name is our one error line; the library would end the whole archive over it. */
const reading = { autoClose: false, decodeStrings: false }

/** @throws AlikeError `archive_unreadable` when its directory is damaged */
export async function openZip(file: string, description: SourceDescription, limits: SourceLimits): Promise<Source> {
  const total = await countItems(file, limits)
  const zip = await open(file)
  let read = 0
  return {
    total,
    get share() {
      return total === 0 ? 1 : read / total
    },
    async *items(from) {
      for await (const { entry, path, index } of files(zip)) {
        read = index + 1
        if (index >= from) yield await readItem(zip, entry, path, index, description, limits)
      }
    },
    close: async () => zip.close(),
  }
}

async function countItems(file: string, limits: SourceLimits): Promise<number> {
  const zip = await open(file)
  try {
    let total = 0
    for await (const _ of files(zip)) {
      total += 1
      if (total > limits.ingestMaxFiles) throw tooManyFiles(limits)
    }
    return total
  } finally {
    zip.close()
  }
}

async function* files(zip: ZipFile): AsyncGenerator<{ entry: Entry; path: string; index: number }> {
  let index = 0
  try {
    for await (const entry of zip.eachEntry()) {
      const path = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false)
      if (!isClutter(path)) yield { entry, path, index: index++ }
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: 'Its directory is damaged.', cause })
  }
}

async function readItem(zip: ZipFile, entry: Entry, path: string, index: number, description: SourceDescription, limits: SourceLimits): Promise<SourceItem> {
  const name = shownName(path)
  try {
    if (isLink(entry)) throw new AlikeError('archive_path_invalid', { detail: 'It is a link, not a file.' })
    const { id, label } = nameOf(path)
    if (!entry.canDecodeFileData()) throw new AlikeError('image_unreadable', { detail: 'It is encrypted or packed by an unknown method.' })
    if (entry.uncompressedSize > limits.uploadMaxBytes) throw imageTooLarge(limits.uploadMaxBytes)
    const bytes = await unpack(zip, entry, limits)
    return { index, name, id, label: label ?? description.label ?? null, bytes }
  } catch (error) {
    if (error instanceof AlikeError) return { index, name, error }
    throw error
  }
}

/** One damaged entry says nothing about the next: the directory tells where that one begins. */
async function unpack(zip: ZipFile, entry: Entry, { uploadMaxBytes }: SourceLimits): Promise<Buffer> {
  try {
    return await readBounded(await zip.openReadStreamPromise(entry), uploadMaxBytes)
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('image_unreadable', { detail: 'It is damaged inside the archive.', cause })
  }
}

/** Unix file type in the upper half of the attributes. */
function isLink(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000
}

async function open(file: string): Promise<ZipFile> {
  try {
    return await openPromise(file, reading)
  } catch (cause) {
    throw new AlikeError('archive_unreadable', { cause })
  }
}
