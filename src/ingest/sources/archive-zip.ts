/** Pictures in a zip archive, in the order of its directory. */
import { getFileNameLowLevel, openPromise, type Entry, type ZipFile } from 'yauzl'
import { AlikeError } from '../../errors.js'
import { headersMaxOf, tooManyFiles, tooManyHeaders, UnpackedBytes } from '../archive-bounds.js'
import { Manifest, manifestFormat, saidOf, secondManifest } from '../manifest/manifest.js'
import { isClutter, pathMaxBytes, pathOf, pathTooLong, shownName } from '../names.js'
import { imageTooLarge, readBounded } from '../read-bounded.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { Extents } from './extents.js'

/** `decodeStrings: false`: a bad name is our one error line; the library would end the whole archive over it. */
const reading = { autoClose: false, decodeStrings: false }

/** Before the name, in front of each file. */
const localHeaderBytes = 30

/** @throws AlikeError `archive_unreadable` when its directory is damaged; `manifest_invalid` */
export async function openZip(file: string, description: SourceDescription, limits: SourceLimits): Promise<Source> {
  const { count, manifest } = await survey(file, limits)
  const zip = await open(file)
  const unpacked = new UnpackedBytes(limits)
  let read = 0
  return {
    // With a manifest, files that it names and that are missing count too.
    ...(manifest === undefined && { total: count }),
    get share() {
      return count === 0 ? 1 : read / count
    },
    async *items(from) {
      for await (const file of files(zip, limits, manifest)) {
        read = file.index + 1
        const item = await readItem(zip, file, from, description, limits, unpacked, manifest)
        if (item !== undefined) yield item
      }
      for (const item of manifest?.missing(read) ?? []) if (item.index >= from) yield item
    },
    close: async () => zip.close(),
  }
}

/** Damage, and what an honest packer never writes, is told before anything is unpacked. */
async function survey(path: string, limits: SourceLimits): Promise<{ count: number; manifest?: Manifest }> {
  const zip = await open(path)
  const extents = new Extents()
  const stated = new UnpackedBytes(limits)
  try {
    let count = 0
    let manifest: Manifest | undefined
    for await (const { entry, path, isTooLong } of files(zip, limits, undefined, extents)) {
      if (entry.uncompressedSize <= limits.uploadMaxBytes) stated.add(entry.uncompressedSize)
      if (!isTooLong && manifestFormat(path) !== undefined && !isLink(entry)) {
        if (manifest !== undefined) throw secondManifest(manifest.path, path)
        manifest = await readManifest(zip, entry, path, limits)
      } else if (++count > limits.ingestMaxFiles) throw tooManyFiles(limits)
    }
    if (extents.overlap()) throw new AlikeError('archive_unreadable', { detail: 'Entries of it lie over each other.' })
    return { count, ...(manifest && { manifest }) }
  } finally {
    zip.close()
  }
}

async function readManifest(zip: ZipFile, entry: Entry, path: string, limits: SourceLimits): Promise<Manifest> {
  try {
    return await Manifest.read(path, await zip.openReadStreamPromise(entry), limits)
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('manifest_invalid', { detail: 'It is damaged inside the archive.', cause })
  }
}

interface ZippedFile {
  entry: Entry
  path: string
  isTooLong: boolean
  index: number
}

/** @param extents is told of every entry, those passed over included */
async function* files(zip: ZipFile, limits: SourceLimits, manifest?: Manifest, extents?: Extents): AsyncGenerator<ZippedFile> {
  const headersMax = headersMaxOf(limits)
  if (zip.entryCount > headersMax) throw tooManyHeaders(headersMax)
  let index = 0
  try {
    for await (const entry of zip.eachEntry()) {
      extents?.add(entry.relativeOffsetOfLocalHeader, localHeaderBytes + entry.fileNameLength + entry.compressedSize)
      const { isTooLong } = pathOf(entry.fileNameRaw)
      const path = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw.subarray(0, pathMaxBytes), entry.extraFields, false)
      if (isTooLong || (!isClutter(path) && path !== manifest?.path)) yield { entry, path, isTooLong, index: index++ }
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('archive_unreadable', { detail: 'Its directory is damaged.', cause })
  }
}

/** Undefined before item number `from`: its name is looked at, because the manifest has to know of it, its bytes are not. */
async function readItem(zip: ZipFile, { entry, path, isTooLong, index }: ZippedFile, from: number, description: SourceDescription, limits: SourceLimits, unpacked: UnpackedBytes, manifest: Manifest | undefined): Promise<SourceItem | undefined> {
  const name = shownName(path)
  try {
    if (isTooLong) throw pathTooLong()
    if (isLink(entry)) throw new AlikeError('archive_path_invalid', { detail: 'It is a link, not a file.' })
    const said = saidOf(path, description, manifest)
    if (index < from) return undefined
    if (!entry.canDecodeFileData()) throw new AlikeError('image_unreadable', { detail: 'It is encrypted or packed by an unknown method.' })
    if (entry.uncompressedSize > limits.uploadMaxBytes) throw imageTooLarge(limits.uploadMaxBytes)
    const bytes = await unpack(zip, entry, limits, unpacked)
    return { index, name, ...said, bytes }
  } catch (error) {
    if (!(error instanceof AlikeError) || error.code === 'archive_unreadable') throw error
    return index < from ? undefined : { index, name, error }
  }
}

/** One damaged entry says nothing about the next: the directory tells where that one begins. */
async function unpack(zip: ZipFile, entry: Entry, { uploadMaxBytes }: SourceLimits, unpacked: UnpackedBytes): Promise<Buffer> {
  try {
    return await readBounded(unpacked.counted(await zip.openReadStreamPromise(entry)), uploadMaxBytes)
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
